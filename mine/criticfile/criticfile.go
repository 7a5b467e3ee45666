// Package criticfile keeps trained critics in files of the format safetensors, with weights
// named and laid out as PyTorch has them: fold0.critic1.layers.0.weight is [outputs, inputs],
// the inputs of x before those of z. What the arrays are for is a JSON object in the
// metadata, under "gomine.critic". doc/critics.md describes all of it for other programs.
package criticfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"gomine/internal/safetensors"
	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/preprocess"
)

// Format names the form of the files that are written and read. The number goes up with
// every change.
const Format = "gomine.critic/2"

// metadataName is the member of the metadata that holds the description.
const metadataName = "gomine.critic"

// ErrFormat is wrapped by errors about files that hold no critic, one of another version, or
// one whose parts do not fit together.
var ErrFormat = errors.New("not a critic that can be used")

func formatErrorf(format string, args ...any) error {
	return fmt.Errorf("criticfile: %w: %w", ErrFormat, fmt.Errorf(format, args...))
}

// About says where a critic comes from.
type About struct {
	Program string         `json:"program"` // that wrote the file, with its version
	Backend string         `json:"backend"` // that it was trained on
	Device  string         `json:"device"`
	Rows    mine.RowCounts `json:"rows"`  // of the first fold
	Bound   mine.Bound     `json:"bound"` // of the estimate, in nats
}

// A Critic is what a file holds.
type Critic struct {
	About
	State  mine.FittedState
	Sketch Sketch // of the rows of the estimate
}

// description is the JSON object in the metadata.
type description struct {
	Format string `json:"format"`
	About
	Config  mine.Config            `json:"config"`
	LogU    []float64              `json:"log_u"` // of each fold, nats
	Pairs   []int                  `json:"pairs"` // of each fold
	Maps    []preprocess.MapsState `json:"maps"`
	Critics []member               `json:"critics"`
}

// A member is a critic of the description. Its arrays have names that begin with Name.
type member struct {
	Name      string          `json:"name"`
	Fold      int             `json:"fold"`
	Maps      int             `json:"maps"`   // which of the maps
	Weight    float64         `json:"weight"` // in the sum over all folds
	Candidate *mine.Candidate `json:"candidate,omitempty"`
	Hidden    []int           `json:"hidden,omitempty"`
	Step      int             `json:"step,omitempty"`
	Reference bool            `json:"reference,omitempty"`
	Least     float64         `json:"least,omitempty"` // of a reference, nats
	// Normalised says that log sum_c p(c) exp T(x,c) is taken from the score, over the codes of
	// the side that is one column of them.
	Normalised bool `json:"normalised,omitempty"`
}

// Write writes a critic. Numbers that are not finite are errors.
func Write(w io.Writer, c Critic) error {
	d := description{Format: Format, About: c.About, Config: c.State.Config, LogU: c.State.LogU, Pairs: c.State.Pairs}
	tensors := c.Sketch.tensors()
	inFold := map[int]int{}
	var known []preprocess.Maps
	for _, p := range c.State.Parts {
		at := slices.IndexFunc(known, p.Maps.Same)
		if at < 0 {
			at = len(known)
			known = append(known, p.Maps)
			state := p.Maps.State()
			tensors = append(tensors, mapTensors(at, &state)...)
			d.Maps = append(d.Maps, state)
		}
		for _, critic := range p.Critics {
			m := member{Name: fmt.Sprintf("fold%d.critic%d", p.Fold, inFold[p.Fold]), Fold: p.Fold, Maps: at, Weight: critic.Weight, Normalised: critic.Normalised}
			inFold[p.Fold]++
			if r := critic.Reference; r != nil {
				m.Reference, m.Least = true, r.Least
				tensors = append(tensors, referenceTensors(m.Name, r)...)
			} else {
				m.Candidate, m.Hidden, m.Step = &critic.Candidate, critic.Network.Hidden, critic.Step
				tensors = append(tensors, networkTensors(m.Name, critic)...)
			}
			d.Critics = append(d.Critics, m)
		}
	}
	text, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("criticfile: %w", err)
	}
	return safetensors.Write(w, safetensors.File{Metadata: map[string]string{metadataName: string(text)}, Tensors: tensors})
}

// ReadFile reads the critic of a file. Of a file that cannot be one it reads eight bytes
// alone, however large it is. Errors wrap those of package os, or ErrFormat.
func ReadFile(path string) (Critic, error) {
	f, err := os.Open(path)
	if err != nil {
		return Critic{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Critic{}, err
	}
	var data bytes.Buffer
	if _, err := io.CopyN(&data, f, 8); err == nil && info.Mode().IsRegular() {
		if err := safetensors.Check(data.Bytes(), info.Size()); err != nil {
			return Critic{}, formatErrorf("%w", err)
		}
	}
	if _, err := io.Copy(&data, f); err != nil {
		return Critic{}, err
	}
	return Read(data.Bytes())
}

// Read reads the whole of a file. An error says what is wrong, and names the array or the
// member of the description; it wraps ErrFormat.
func Read(data []byte) (Critic, error) {
	var c Critic
	file, err := safetensors.Read(data)
	if err != nil {
		return c, formatErrorf("%w", err)
	}
	d, err := describe(file.Metadata)
	if err != nil {
		return c, err
	}
	t := newTensors(file.Tensors)
	c.About = d.About
	c.State = mine.FittedState{Config: d.Config, LogU: d.LogU, Pairs: d.Pairs}
	if c.Sketch, err = t.sketch(); err != nil {
		return c, err
	}
	maps := make([]preprocess.Maps, len(d.Maps))
	for i := range d.Maps {
		if err := t.fillMaps(i, &d.Maps[i]); err != nil {
			return c, err
		}
		if maps[i], err = preprocess.Restore(d.Maps[i]); err != nil {
			return c, formatErrorf("maps %d: %w", i, err)
		}
		if i > 0 && !sameColumns(maps[0], maps[i]) {
			return c, formatErrorf("maps %d are of other columns than maps 0", i)
		}
	}
	if len(maps) == 0 {
		return c, formatErrorf("it has no maps, and so no columns")
	}
	for i, m := range d.Critics {
		if m.Maps < 0 || m.Maps >= len(maps) || m.Reference == (m.Candidate != nil) {
			return c, formatErrorf("critic %s refers to maps %d of %d, and is a reference: %v, a candidate: %v", m.Name, m.Maps, len(maps), m.Reference, m.Candidate != nil)
		}
		critic, err := t.critic(m, maps[m.Maps])
		if err != nil {
			return c, err
		}
		// Critics that Write has found in one part are in one again.
		if last := len(c.State.Parts) - 1; i > 0 && !m.Reference && !d.Critics[i-1].Reference && d.Critics[i-1].Fold == m.Fold && d.Critics[i-1].Maps == m.Maps {
			c.State.Parts[last].Critics = append(c.State.Parts[last].Critics, critic)
			continue
		}
		c.State.Parts = append(c.State.Parts, mine.Part{Fold: m.Fold, Maps: maps[m.Maps], Critics: []mine.WeightedCritic{critic}})
	}
	if err := c.State.Validate(); err != nil {
		return c, formatErrorf("%w", err)
	}
	return c, t.rest()
}

// describe reads the description, all members of which are known.
func describe(metadata map[string]string) (d description, err error) {
	text, ok := metadata[metadataName]
	if !ok {
		return d, formatErrorf("its metadata have no %q: it is of another program", metadataName)
	}
	var version struct {
		Format string `json:"format"`
	}
	if err := json.Unmarshal([]byte(text), &version); err != nil {
		return d, formatErrorf("metadata %s: %w", metadataName, err)
	}
	if version.Format != Format {
		return d, formatErrorf("its format is %q, but this build knows %q alone: use the build that wrote it, or train again", version.Format, Format)
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return d, formatErrorf("metadata %s: %w", metadataName, err)
	}
	return d, nil
}

// sameColumns reports whether two maps are of columns of the same names and kinds.
func sameColumns(a, b preprocess.Maps) bool {
	for _, side := range [][2]preprocess.Side{{a.X, b.X}, {a.Z, b.Z}} {
		x, y := side[0].Columns(), side[1].Columns()
		if len(x) != len(y) {
			return false
		}
		for j := range x {
			if x[j].Name != y[j].Name || x[j].Kind != y[j].Kind {
				return false
			}
		}
	}
	return true
}

// mapName is what the names of the arrays of a column's map begin with.
func mapName(maps int, side string, column int) string {
	return "maps" + strconv.Itoa(maps) + "." + side + "." + strconv.Itoa(column) + "."
}

// layer is one Linear of PyTorch: the weights from one or two blocks [inputs, outputs], one
// below the other, and the bias.
type layer struct {
	weights []backend.Block
	bias    backend.Block
}

// layersOf are the layers of a network, the score last.
func layersOf(n backend.Network) []layer {
	all := make([]layer, len(n.Hidden)+1)
	for _, b := range n.Blocks() {
		l := &all[b.Layer-1]
		if b.Kind == backend.Bias || b.Kind == backend.OutputBias {
			l.bias = b
		} else {
			l.weights = append(l.weights, b)
		}
	}
	return all
}

// shape of the weights: outputs, inputs.
func (l layer) shape() (out, in int) {
	for _, b := range l.weights {
		in += b.Rows
	}
	return l.bias.Cols, in
}
