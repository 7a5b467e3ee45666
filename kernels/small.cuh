// The layout of a small network's parameters.
#pragma once

#include "device.cuh"

// A Small has one to four hidden layers, of width 0 where there is none. Its
// parameters follow one another as in backend.Network.Blocks, rows padded to four
// floats, the output's weights as one row.
struct Small {
	int dx, dz, layers, width[4];

	__device__ Small(int dx, int dz, int h1, int h2, int h3, int h4)
		: dx(dx), dz(dz), layers(h2 == 0 ? 1 : h3 == 0 ? 2 : h4 == 0 ? 3 : 4), width{h1, h2, h3, h4} {}

	__device__ int wx() const { return 0; }
	__device__ int wz() const { return dx * padded(width[0]); }
	__device__ int bias(int layer) const {
		int at = (dx + dz) * padded(width[0]);
		for (int k = 1; k <= layer; ++k) at += padded(width[k - 1]) + width[k - 1] * padded(width[k]);
		return at;
	}
	__device__ int weights(int layer) const { return bias(layer - 1) + padded(width[layer - 1]); } // layer >= 1
	__device__ int out() const { return bias(layers - 1) + padded(width[layers - 1]); }
	__device__ int offset() const { return out() + padded(width[layers - 1]); }
	__device__ int size() const { return offset() + 4; }
	// decays says whether weight decay applies to the parameter at e.
	__device__ bool decays(int e) const {
		if (e >= offset()) return false;
		for (int k = 0; k < layers; ++k)
			if (e >= bias(k) && e < bias(k) + padded(width[k])) return false;
		return true;
	}
};
