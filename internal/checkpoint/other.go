package checkpoint

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Difference is a field of a manifest that is not what it was. Fields of objects are named
// with a point, elements of lists with an index, as in config.hidden[0].
type Difference struct {
	Field     string
	Then, Now string // as JSON; "none" where it is missing
}

// OtherError is about a folder that holds other work than it was opened for.
type OtherError struct {
	Path        string
	Differences []Difference // by the names of the fields
}

func (e *OtherError) Error() string { return e.Text(func(field string) string { return field }) }

// Text is the text of the error with other names for the fields.
func (e *OtherError) Text(named func(field string) string) string {
	const most = 4
	var parts []string
	for i, d := range e.Differences {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more differ", len(e.Differences)-most))
			break
		}
		parts = append(parts, fmt.Sprintf("%s was %s and is %s now", named(d.Field), d.Then, d.Now))
	}
	return fmt.Sprintf("%s holds the checkpoint of another run: %s. Repeat the run as it was, or name another folder", e.Path, strings.Join(parts, ", "))
}

// compare returns the fields in which two manifests differ.
func compare(then, now []byte) ([]Difference, error) {
	before, err := flatten(then)
	if err != nil {
		return nil, err
	}
	after, err := flatten(now)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(before)
	maps.Copy(all, after)
	var differences []Difference
	for _, field := range slices.Sorted(maps.Keys(all)) {
		d := Difference{field, cmp.Or(before[field], "none"), cmp.Or(after[field], "none")}
		if d.Then != d.Now {
			differences = append(differences, d)
		}
	}
	return differences, nil
}

// flatten returns the values of a manifest, as JSON, by their fields.
func flatten(manifest []byte) (map[string]string, error) {
	decoder := json.NewDecoder(bytes.NewReader(manifest))
	decoder.UseNumber() // a seed has more digits than a float64
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	all := map[string]string{}
	var visit func(field string, value any) error
	visit = func(field string, value any) error {
		switch v := value.(type) {
		case map[string]any:
			for name, member := range v {
				if err := visit(strings.TrimPrefix(field+"."+name, "."), member); err != nil {
					return err
				}
			}
		case []any:
			for i, element := range v {
				if err := visit(fmt.Sprintf("%s[%d]", field, i), element); err != nil {
					return err
				}
			}
		default:
			text, err := json.Marshal(v)
			all[field] = string(text)
			return err
		}
		return nil
	}
	return all, visit("", value)
}
