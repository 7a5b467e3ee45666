package gan

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"gomine/bench/internal/digits"
	"gomine/bench/internal/experiment"
	"gomine/bench/internal/figure"
	"gomine/bench/paper/internal/nets"
	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/sampling"
)

// The pictures of the experiment: three digits of 14 x 14 pixels on top of one
// another, 1000 modes.
const (
	digitSize     = 14
	digitChannels = 3
	digitModes    = 1000
)

// stackedGAN is set as plain networks for such pictures are.
var stackedGAN = ganConfig{
	Noise: 32, Code: 16,
	Generator: []int{256, 256}, Discriminator: []int{256, 256}, Critic: []int{128, 128},
	Batch: 128, Steps: 4000, Rate: 2e-4, Beta1: 0.5, CriticRate: 4e-4, Weight: 3,
	Points: 8, Score: 25_600,
}

// A classifier tells the digits of single pictures. It may be used from several
// goroutines.
type classifier struct {
	mu    sync.Mutex
	model backend.Model
	err   float64 // share of wrong answers on pictures that it was not trained on
}

// classifierRows is the most rows of a pass.
const classifierRows = 512

// newClassifier trains a perceptron on pictures by the cross-entropy, some
// passes through them, and tests it on others.
func newClassifier(ctx context.Context, b backend.Backend, train, test digits.Set, passes int, seed uint64) (*classifier, error) {
	const batch = 128
	spec := backend.ModelSpec{
		MLP:  backend.MLP{Inputs: train.Pixels.Cols, Hidden: []int{256}, Outputs: digits.Classes, Activation: backend.ReLU},
		Adam: nets.Adam, Rows: classifierRows,
	}
	model, err := mine.NewModel(b, spec, seed)
	if err != nil {
		return nil, err
	}
	c := &classifier{model: model}
	rows := sampling.NewBatches(len(train.Labels), batch, seed)
	index, labels := make([]int32, batch), make([]uint8, batch)
	x := backend.NewMatrix(batch, train.Pixels.Cols)
	y, dy := backend.NewMatrix(batch, digits.Classes), backend.NewMatrix(batch, digits.Classes)
	for step := range passes * len(train.Labels) / batch {
		rows.Rows(uint64(step), 0, index)
		for i, k := range index {
			copy(x.Row(i), train.Pixels.Row(int(k)))
			labels[i] = train.Labels[k]
		}
		if err := model.Forward(ctx, x, y); err != nil {
			return nil, errors.Join(err, model.Close())
		}
		nets.LogLikelihood(y, labels, dy)
		if err := errors.Join(model.Backward(ctx, dy, backend.Matrix{}), model.Update(1e-3, 1)); err != nil {
			return nil, errors.Join(err, model.Close())
		}
	}
	found, err := c.classify(ctx, test.Pixels)
	if err != nil {
		return nil, errors.Join(err, model.Close())
	}
	for i, class := range found {
		if class != int(test.Labels[i]) {
			c.err += 1 / float64(len(found))
		}
	}
	return c, nil
}

// classify returns the digits of pictures.
func (c *classifier) classify(ctx context.Context, x backend.Matrix) ([]int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := make([]int, 0, x.Rows)
	y := backend.NewMatrix(classifierRows, digits.Classes)
	for lo := 0; lo < x.Rows; lo += classifierRows {
		part, out := x, y
		part.Rows = min(classifierRows, x.Rows-lo)
		part.Data, out.Rows = x.Data[lo*x.Stride:], part.Rows
		if err := c.model.Forward(ctx, part, out); err != nil {
			return nil, err
		}
		for i := range out.Rows {
			best := 0
			for k, v := range out.Row(i) {
				if v > out.Row(i)[best] {
					best = k
				}
			}
			found = append(found, best)
		}
	}
	return found, nil
}

// stackedLaw is that of three digits drawn evenly from a set. Every picture
// belongs to the mode of its three digits as the classifier reads them.
func stackedLaw(set digits.Set, c *classifier, least int) ganLaw {
	const pixels = digitSize * digitSize
	return ganLaw{
		columns: digitChannels * pixels,
		unit:    true,
		draw: func(x backend.Matrix, seed, step uint64) {
			rows, _ := digits.Stack(set, x.Rows, uint64(sampling.Uniform(seed, nets.StreamReal, step, 0)*(1<<52)))
			copy(x.Data, rows.Data)
		},
		score: func(ctx context.Context, x backend.Matrix) (nets.Coverage, error) {
			mode := make([]int, x.Rows)
			for channel := range digitChannels {
				one := x
				one.Cols, one.Data = pixels, x.Data[channel*pixels:]
				found, err := c.classify(ctx, one)
				if err != nil {
					return nets.Coverage{}, err
				}
				for i, digit := range found {
					mode[i] = digits.Classes*mode[i] + digit
				}
			}
			return nets.Cover(mode, digitModes, least), nil
		},
	}
}

// StackedCommand is the experiment on stacked digits.
func StackedCommand() *cobra.Command {
	var opt ganFlags
	cfg := stackedGAN
	cmd := &cobra.Command{
		Use:   "stacked-digits",
		Short: "Experiment 3: 1000 modes of three digits by a GAN, with and without information",
		Long: "Section 5.1 of the paper, with digits that this program draws in place of MNIST's\n" +
			"and perceptrons in place of convolutions. A classifier that was trained on single\n" +
			"digits reads the three channels of a sample: 1000 modes.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opt.Quick {
				experiment.Default(cmd.Flags(), "seeds", &opt.seeds, 1)
				experiment.Default(cmd.Flags(), "steps", &opt.steps, 300)
				cfg.Score = 2560
			}
			cfg.Steps, cfg.Weight = opt.steps, opt.weight
			b, err := opt.Open()
			if err != nil {
				return err
			}
			defer b.Close()
			train, test := digits.Render(20_000, opt.Seed, digitSize), digits.Render(5000, opt.Seed+1<<32, digitSize)
			c, err := newClassifier(cmd.Context(), b, train, test, 10, opt.Seed)
			if err != nil {
				return err
			}
			defer c.model.Close()
			r := ganResults{Config: cfg, Least: 1, ClassifierError: c.err}
			law := stackedLaw(train, c, r.Least)
			var failed error
			if r.Runs, failed = opt.runs(cmd, law, cfg); len(r.Runs) == 0 {
				return failed
			}
			const name, modes = "stacked-digits", "modes"
			text := fmt.Sprintf("%d samples a run; one makes its mode a covered one, so all are near one. The\nclassifier takes %.1f%% of new digits for others.\n\n%s",
				cfg.Score, 100*c.err, r.table(modes))
			return errors.Join(failed, opt.Write(cmd, nets.Program, experiment.Results{Name: name, Data: r, Markdown: text, Pictures: func(dir string) error {
				real := backend.NewMatrix(sheetSide, law.columns)
				law.draw(real, opt.Seed, nets.StepScore)
				sheets := []backend.Matrix{real}
				for _, runs := range r.ways() {
					sheets = append(sheets, runs[0].sample)
				}
				if err := figure.SaveSheet(filepath.Join(dir, name+"-samples.png"), sheet(sheets), digitSize, len(sheets)*(digitChannels+1)*2, 3); err != nil {
					return err
				}
				return figure.Save(filepath.Join(dir, name+".png"), 3, r.curves(modes)...)
			}}))
		},
	}
	opt.register(cmd, 3, cfg)
	return cmd
}

// sheetSide is the number of samples of each kind that a sheet shows.
const sheetSide = 24

// sheet lays out samples of each kind beside those of the next, two to a line,
// the channels of each one after the other and a blank behind them.
func sheet(kinds []backend.Matrix) [][]float32 {
	const pixels = digitSize * digitSize
	blank := make([]float32, pixels)
	for i := range blank {
		blank[i] = 96.0 / 255 // the sheet's own grey
	}
	var pictures [][]float32
	for line := range sheetSide / 2 {
		for _, x := range kinds {
			for _, i := range []int{2 * line, 2*line + 1} {
				for channel := range digitChannels {
					pictures = append(pictures, x.Row(i)[channel*pixels:][:pixels])
				}
				pictures = append(pictures, blank)
			}
		}
	}
	return pictures
}
