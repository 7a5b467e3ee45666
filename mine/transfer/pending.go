package transfer

import (
	"context"

	"gomine/mine"
	"gomine/mine/column"
)

// Information is an estimate of conditional information.
type Information struct {
	Estimate float64        `json:"estimate"`
	StdErr   float64        `json:"std_err"`
	Low      float64        `json:"low"`
	High     float64        `json:"high"`
	Warnings []mine.Warning `json:"warnings,omitempty"`
}

func conditional(ctx context.Context, x, z, y column.Source, cfg mine.Config, opts ...mine.Option) (Information, error) {
	both, err := mine.Estimate(ctx, x, column.Join(z, y), cfg, opts...)
	if err != nil {
		return Information{}, err
	}
	one, err := mine.Estimate(ctx, x, y, cfg, opts...)
	d, se := both.Estimate-one.Estimate, both.StdErr+one.StdErr
	return Information{d, se, d - 2*se, d + 2*se, both.Warnings}, err
}
