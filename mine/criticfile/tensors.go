package criticfile

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"gomine/internal/safetensors"
	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/gaussian"
	"gomine/mine/preprocess"
)

// networkTensors are the layers of a network.
func networkTensors(name string, c mine.WeightedCritic) []safetensors.Tensor {
	var all []safetensors.Tensor
	for k, l := range layersOf(c.Network) {
		out, in := l.shape()
		w := make([]float32, out*in)
		row := 0
		for _, b := range l.weights {
			for i := range b.Rows {
				for j := range out {
					w[j*in+row+i] = c.Params[b.Offset+i*out+j]
				}
			}
			row += b.Rows
		}
		all = append(all,
			safetensors.Tensor{Name: layerName(name, k, "weight"), Shape: []int{out, in}, Values: w},
			safetensors.Tensor{Name: layerName(name, k, "bias"), Shape: []int{out}, Values: c.Params[l.bias.Offset:][:out]})
	}
	return all
}

func layerName(critic string, k int, what string) string {
	return fmt.Sprintf("%s.layers.%d.%s", critic, k, what)
}

// referenceTensors are the projections and correlations of a critic in closed form.
func referenceTensors(name string, c *gaussian.Critic) []safetensors.Tensor {
	k := len(c.Rho)
	all := []safetensors.Tensor{{Name: name + ".rho", Shape: []int{k}, Values: c.Rho}}
	for _, side := range []struct {
		name string
		of   gaussian.Projection
	}{{".x", c.X}, {".z", c.Z}} {
		var w mat.Dense
		w.CloneFrom(side.of.W.T())
		all = append(all,
			safetensors.Tensor{Name: name + side.name + ".mean", Shape: []int{len(side.of.Mean)}, Values: side.of.Mean},
			safetensors.Tensor{Name: name + side.name + ".weight", Shape: []int{k, len(side.of.Mean)}, Values: w.RawMatrix().Data})
	}
	return all
}

// sidesOf are both sides of maps, by their names.
func sidesOf(state *preprocess.MapsState) map[string]*preprocess.SideState {
	return map[string]*preprocess.SideState{"x": &state.X, "z": &state.Z}
}

// mapTensors are the arrays of maps: the knots of ranks and the shares of codes.
func mapTensors(at int, state *preprocess.MapsState) []safetensors.Tensor {
	var all []safetensors.Tensor
	for _, side := range []string{"x", "z"} {
		for j, c := range sidesOf(state)[side].Columns {
			add := func(what string, values []float64) {
				all = append(all, safetensors.Tensor{Name: mapName(at, side, j) + what, Shape: []int{len(values)}, Values: values})
			}
			if c.Value != nil {
				add("value", c.Value)
				add("image", c.Image)
			}
			if c.Codes != nil {
				add("share", c.Codes.Share)
			}
		}
	}
	return all
}

// tensors are those of a file that have not been used yet.
type tensors map[string]safetensors.Tensor

func newTensors(all []safetensors.Tensor) tensors {
	t := tensors{}
	for _, one := range all {
		t[one.Name] = one
	}
	return t
}

// take returns the values of an array of a shape, -1 standing for any length, all of them
// finite.
func take[T float32 | float64 | uint64](t tensors, name string, shape ...int) ([]T, error) {
	one, ok := t[name]
	if !ok {
		return nil, formatErrorf("array %s is missing", name)
	}
	delete(t, name)
	values, ok := one.Values.([]T)
	if !ok {
		return nil, formatErrorf("array %s is of type %T, want %T", name, one.Values, values)
	}
	fits := len(one.Shape) == len(shape)
	for i := 0; fits && i < len(shape); i++ {
		fits = shape[i] == -1 || shape[i] == one.Shape[i]
	}
	if !fits {
		return nil, formatErrorf("array %s has the shape %v, want %v", name, one.Shape, shape)
	}
	for i, v := range values {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, formatErrorf("array %s has %v as its value %d", name, f, i)
		}
	}
	return values, nil
}

// rest reports arrays that nothing refers to.
func (t tensors) rest() error {
	if len(t) > 0 {
		return formatErrorf("array %s belongs to nothing in its description", slices.Sorted(maps.Keys(t))[0])
	}
	return nil
}

// fillMaps puts the arrays of maps where they belong. Which columns are ranked, the arrays
// say that are there.
func (t tensors) fillMaps(at int, state *preprocess.MapsState) (err error) {
	for _, name := range []string{"x", "z"} {
		side := sidesOf(state)[name]
		for j := range side.Columns {
			c, prefix := &side.Columns[j], mapName(at, name, j)
			if c.Codes != nil {
				if c.Codes.Share, err = take[float64](t, prefix+"share", -1); err != nil {
					return err
				}
			}
			_, value := t[prefix+"value"]
			_, image := t[prefix+"image"]
			if !value && !image {
				continue
			}
			if c.Value, err = take[float64](t, prefix+"value", -1); err != nil {
				return err
			}
			if c.Image, err = take[float64](t, prefix+"image", len(c.Value)); err != nil {
				return err
			}
		}
	}
	return nil
}

// critic puts a critic together.
func (t tensors) critic(m member, maps preprocess.Maps) (mine.WeightedCritic, error) {
	c := mine.WeightedCritic{Weight: m.Weight, Step: m.Step, Normalised: m.Normalised}
	if m.Reference {
		var err error
		c.Reference, err = t.reference(m, maps)
		return c, err
	}
	c.Candidate = *m.Candidate
	c.Network = backend.Network{DX: maps.X.Inputs(), DZ: maps.Z.Inputs(), Hidden: m.Hidden, Activation: c.Candidate.Activation}
	if err := c.Network.Validate(); err != nil {
		return c, formatErrorf("critic %s: %w", m.Name, err)
	}
	for k, l := range layersOf(c.Network) {
		out, in := l.shape()
		w, err := take[float32](t, layerName(m.Name, k, "weight"), out, in)
		if err != nil {
			return c, err
		}
		bias, err := take[float32](t, layerName(m.Name, k, "bias"), out)
		if err != nil {
			return c, err
		}
		// In the order of the blocks: the weights [inputs, outputs], then the bias.
		for i := range in {
			for j := range out {
				c.Params = append(c.Params, w[j*in+i])
			}
		}
		c.Params = append(c.Params, bias...)
	}
	return c, nil
}

func (t tensors) reference(m member, maps preprocess.Maps) (*gaussian.Critic, error) {
	c := &gaussian.Critic{Least: m.Least}
	var err error
	if c.Rho, err = take[float64](t, m.Name+".rho", -1); err != nil {
		return nil, err
	}
	if len(c.Rho) == 0 {
		return nil, formatErrorf("array %s.rho is empty", m.Name)
	}
	for _, side := range []struct {
		name string
		maps preprocess.Side
		to   *gaussian.Projection
	}{{".x", maps.X, &c.X}, {".z", maps.Z, &c.Z}} {
		inputs := side.maps.WithoutRadius(backend.Matrix{Cols: side.maps.Inputs()}).Cols
		if side.to.Mean, err = take[float64](t, m.Name+side.name+".mean", inputs); err != nil {
			return nil, err
		}
		w, err := take[float64](t, m.Name+side.name+".weight", len(c.Rho), inputs)
		if err != nil {
			return nil, err
		}
		side.to.W = mat.DenseCopyOf(mat.NewDense(len(c.Rho), inputs, w).T())
	}
	return c, nil
}
