// The layout of a small network's parameters.
#pragma once

#include "device.cuh"

// A Small has one to four hidden layers, of width 0 where there is none. Its
// parameters follow one another as in backend.Network.Blocks, rows padded to four
// floats, the output's weights as one row.
struct Small {
	int dx, dz, layers, h1, h2, h3, h4;

	__device__ Small(int dx, int dz, int h1, int h2, int h3, int h4)
		: dx(dx), dz(dz), layers(h2 == 0 ? 1 : h3 == 0 ? 2 : h4 == 0 ? 3 : 4), h1(h1), h2(h2), h3(h3), h4(h4) {}

	// Not an array: with an index that is not a constant it would lie in memory.
	__device__ int width(int layer) const { return layer == 0 ? h1 : layer == 1 ? h2 : layer == 2 ? h3 : h4; }
	__device__ int inputs(int layer) const { return layer == 0 ? dx + dz : width(layer - 1); }

	// weights is where the weights of a layer begin, which those of z follow in the first one,
	// and then its biases.
	__device__ int weights(int layer) const {
		int at = 0;
		if (layer > 0) at += (dx + dz + 1) * padded(h1);
		if (layer > 1) at += (h1 + 1) * padded(h2);
		if (layer > 2) at += (h2 + 1) * padded(h3);
		if (layer > 3) at += (h3 + 1) * padded(h4); // where the output's begin
		return at;
	}
	__device__ int bias(int layer) const { return weights(layer) + inputs(layer) * padded(width(layer)); }
	__device__ int out() const { return weights(layers); }
	__device__ int offset() const { return out() + padded(width(layers - 1)); }
	__device__ int size() const { return offset() + 4; }
	// decays says whether weight decay applies to the parameter at e.
	__device__ bool decays(int e) const {
		if (e >= offset()) return false;
		for (int k = 0; k < layers; ++k)
			if (e >= bias(k) && e < bias(k) + padded(width(k))) return false;
		return true;
	}
};
