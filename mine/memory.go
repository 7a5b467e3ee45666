package mine

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is an amount of memory, or AllMemory. As text it is none, or a number with or without a
// unit, such as 4GiB; as JSON a number or "none".
type Bytes int64

// AllMemory is no limit.
const AllMemory Bytes = 0

// byteUnits are those of Bytes, the largest first of each kind.
var byteUnits = []struct {
	name string
	size float64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1},
}

func (b Bytes) String() string {
	if b == AllMemory {
		return "none"
	}
	for _, u := range byteUnits[:4] {
		if float64(b) >= u.size && math.Mod(float64(b), u.size) == 0 {
			return strconv.FormatFloat(float64(b)/u.size, 'f', -1, 64) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// rounded returns b or a little more, in whole MiB, or in whole KiB of less than 8 MiB.
func (b Bytes) rounded() Bytes {
	unit := Bytes(1 << 20)
	if b < 8*unit {
		unit = 1 << 10
	}
	return (b + unit - 1) / unit * unit
}

// ParseBytes reads what String returns: a number, as in 4e9, a unit behind it or not, or none.
// Letters may be of either case, and 4G is 4GiB.
func ParseBytes(text string) (Bytes, error) {
	if text == AllMemory.String() {
		return AllMemory, nil
	}
	number, unit := strings.TrimSpace(text), 1.0
	for _, u := range byteUnits {
		if n := len(number) - len(u.name); n > 0 && strings.EqualFold(number[n:], u.name) {
			number, unit = strings.TrimSpace(number[:n]), u.size
			break
		}
		if n := len(number) - 1; n > 0 && strings.HasSuffix(u.name, "iB") && strings.EqualFold(number[n:], u.name[:1]) {
			number, unit = strings.TrimSpace(number[:n]), u.size
			break
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || !(v > 0) || v*unit >= math.MaxInt64 {
		return 0, errors.New("want an amount such as 4GiB or 4e9, or none")
	}
	return Bytes(math.Ceil(v * unit)), nil
}

// MarshalJSON returns a number, or "none".
func (b Bytes) MarshalJSON() ([]byte, error) {
	if b == AllMemory {
		return []byte(`"none"`), nil
	}
	return json.Marshal(int64(b))
}

// UnmarshalJSON reads what MarshalJSON returns.
func (b *Bytes) UnmarshalJSON(text []byte) error {
	if string(text) == `"none"` {
		*b = AllMemory
		return nil
	}
	var v int64
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	if v < 1 {
		return fmt.Errorf("memory is %d, want a number of bytes, or \"none\"", v)
	}
	*b = Bytes(v)
	return nil
}
