// The tensor cores of the emulator.
//
// What is modelled is what experiments on chips have shown; NVIDIA documents none
// of it (Fasi, Higham, Mikaitis and Pranesh, "Numerical behavior of NVIDIA tensor
// cores", PeerJ Computer Science 7:e330, 2021; Ootomo and Yokota, "Recovering single
// precision accuracy from Tensor Cores", IJHPCA 36, 2022, for what follows from it):
//
//   - products are exact and not normalised: the exponent of a b is the sum of those
//     of a and b, its significand lies in [1, 4);
//   - the accumulator and a group of products, 4 of TF32 or 8 of BF16, are added at
//     once: all are shifted to the largest exponent e among them, and bits below
//     2^(e-24) are dropped, toward zero: FP32's 23 bits and one more, as on an A100
//     (a V100 keeps none, an H100 more);
//   - the sum is not rounded to nearest, but toward zero, to FP32;
//   - groups follow one another in the order of the depth.
//
// Where a value is 2^60 or more, or not finite, sums are ordinary ones.
#pragma GCC optimize("O3") // for vectors: most of the time of the tests is spent here
#include "emulator.h"

#include <algorithm>

namespace emulator {

namespace {

constexpr int tile_rows = 16, tile_columns = 8;

// power_of_two is 2^e.
inline double power_of_two(int e) {
	const uint64_t bits = uint64_t(1023 + e) << 52;
	double d;
	std::memcpy(&d, &bits, sizeof d);
	return d;
}

// toward_zero drops the bits that a float has no room for.
inline float toward_zero(double d) {
	uint64_t bits;
	std::memcpy(&bits, &d, sizeof bits);
	bits &= ~((uint64_t(1) << 29) - 1);
	std::memcpy(&d, &bits, sizeof d);
	return float(d);
}

// exponent is that of a number, the smallest for subnormal ones; 0 has none, which is
// less than that of any product.
constexpr int none = -600;
inline int exponent(float v) {
	const int biased = int(__float_as_uint(v) >> 23 & 0xff);
	const int e = (biased == 0 ? 1 : biased) - 127;
	return v == 0 ? none : e;
}

// A Factor is a matrix with the exponents of its entries.
struct Factor {
	std::vector<double> value;
	std::vector<int> exponents;

	void resize(size_t n) {
		value.resize(n);
		exponents.resize(n);
	}
	void set(size_t at, float v) {
		value[at] = v;
		exponents[at] = exponent(v);
	}
};

// The operands of a warp's product, as matrices: a [m, depth], b [depth, 8], d [m, 8].
template <int depth>
struct Operands {
	int m;
	Factor a, b;
	std::vector<float> d;

	void resize(int rows) {
		m = rows;
		a.resize(size_t(m * depth));
		b.resize(depth * tile_columns);
		d.resize(size_t(m * tile_columns));
	}

	// small says that no value is so large that a sum could overflow.
	bool small() const {
		bool all = true;
		for (double v : a.value) all &= std::fabs(v) < power_of_two(60);
		for (double v : b.value) all &= std::fabs(v) < power_of_two(60);
		for (float v : d) all &= std::fabs(v) < power_of_two(60);
		return all;
	}

	// add_ordinary adds the product in double precision.
	void add_ordinary() {
		for (int i = 0; i < m; ++i)
			for (int j = 0; j < tile_columns; ++j) {
				double sum = d[i * tile_columns + j];
				for (int k = 0; k < depth; ++k) sum += a.value[i * depth + k] * b.value[k * tile_columns + j];
				d[i * tile_columns + j] = float(sum);
			}
	}

	// add_group adds the products of depths [k0, k0 + group) to row i.
	template <int group>
	void add_group(int i, int k0) {
		float* c = &d[i * tile_columns];
		int largest[tile_columns];
		double products[group][tile_columns];
		for (int j = 0; j < tile_columns; ++j) largest[j] = exponent(c[j]);
		for (int q = 0; q < group; ++q) {
			const double factor = a.value[i * depth + k0 + q];
			const int e = a.exponents[i * depth + k0 + q];
			const double* row = &b.value[(k0 + q) * tile_columns];
			const int* exponents = &b.exponents[(k0 + q) * tile_columns];
			for (int j = 0; j < tile_columns; ++j) {
				products[q][j] = factor * row[j];
				largest[j] = std::max(largest[j], e + exponents[j]);
			}
		}
		for (int j = 0; j < tile_columns; ++j) {
			const int e = std::max(largest[j], -2 * 126); // where all is zero
			const double unit = power_of_two(24 - e);
			int sum = int(c[j] * unit);
			for (int q = 0; q < group; ++q) sum += int(products[q][j] * unit);
			c[j] = toward_zero(sum * power_of_two(e - 24));
		}
	}

	static bool zero(const double* v, int n) {
		bool all = true;
		for (int i = 0; i < n; ++i) all &= v[i] == 0;
		return all;
	}

	// add adds the product as a tensor core does. Products that are all zero
	// change nothing.
	template <int group>
	void add() {
		if (!small()) return add_ordinary();
		for (int k0 = 0; k0 < depth; k0 += group) {
			if (zero(&b.value[k0 * tile_columns], group * tile_columns)) continue;
			for (int i = 0; i < m; ++i)
				if (!zero(&a.value[i * depth + k0], group)) add_group<group>(i, k0);
		}
	}
};

// Fragments are what a lane gives to a product: 4 floats of each tile of d, 4 words of
// each of a, 2 words of b.
struct Fragments {
	float* d;
	const void *a, *b;
	int rows;
};

// multiply takes the fragments of all lanes apart, multiplies, and puts the sums into
// d. Format says what a word holds. Lane 4g+t has the entries that device.cuh says.
template <class Format>
void multiply(const void* const given[warp_size]) {
	constexpr int packed = Format::packed, depth = 8 * packed;
	static Operands<depth> all;
	const auto lane_of = [&](unsigned lane) { return static_cast<const Fragments*>(given[lane]); };
	const int rows = lane_of(0)->rows;
	all.resize(rows * tile_rows);
	const auto each_of_d = [&](auto f) {
		for (unsigned lane = 0; lane < warp_size; ++lane)
			for (int i = 0; i < rows; ++i)
				for (int q = 0; q < 4; ++q)
					f(lane_of(lane)->d[i * 4 + q], all.d[(i * tile_rows + lane / 4 + q / 2 * 8) * tile_columns + lane % 4 * 2 + q % 2]);
	};
	for (unsigned lane = 0; lane < warp_size; ++lane) {
		const int g = lane / 4, t = lane % 4;
		const auto* a = static_cast<const typename Format::Word*>(lane_of(lane)->a);
		const auto* b = static_cast<const typename Format::Word*>(lane_of(lane)->b);
		for (int p = 0; p < packed; ++p) {
			for (int i = 0; i < rows; ++i)
				for (int q = 0; q < 4; ++q)
					all.a.set((i * tile_rows + g + q % 2 * 8) * depth + (t + q / 2 * 4) * packed + p, Format::value(a[i * 4 + q], p));
			for (int q = 0; q < 2; ++q) all.b.set(((t + q * 4) * packed + p) * tile_columns + g, Format::value(b[q], p));
		}
	}
	each_of_d([](float& mine, float& entry) { entry = mine; });
	all.template add<Format::group>();
	each_of_d([](float& mine, float& entry) { mine = entry; });
}

// The cores see only TF32's bits of a float.
struct TF32 {
	using Word = float;
	static constexpr int packed = 1, group = 4;
	static float value(float v, int) { return __uint_as_float(__float_as_uint(v) & 0xffffe000u); }
};

// BF16 is the upper half of a float.
struct BF16 {
	using Word = unsigned;
	static constexpr int packed = 2, group = 8;
	static float value(unsigned word, int which) { return __uint_as_float(which == 0 ? word << 16 : word & 0xffff0000u); }
};

// A Loading is what a lane gives to load_matrices.
struct Loading {
	float* entries;
	const float* row;
};

void load(const void* const given[warp_size]) {
	const auto lane_of = [&](unsigned lane) { return static_cast<const Loading*>(given[lane]); };
	for (unsigned lane = 0; lane < warp_size; ++lane)
		if (reinterpret_cast<uintptr_t>(lane_of(lane)->row) % 16 != 0) fail("a row of a matrix is not aligned to 16 bytes");
	for (unsigned lane = 0; lane < warp_size; ++lane)
		for (int m = 0; m < 4; ++m) lane_of(lane)->entries[m] = lane_of(8 * m + lane / 4)->row[lane % 4];
}

} // namespace

void load_matrices(float* entries, const float* row) {
	const Loading mine = {entries, row};
	together("ldmatrix", &mine, load);
}

void multiply_tf32(float* d, const float* a, const float* b, int rows) {
	const Fragments mine = {d, a, b, rows};
	together("mma", &mine, multiply<TF32>);
}

void multiply_bf16(float* d, const unsigned* a, const unsigned* b, int rows) {
	const Fragments mine = {d, a, b, rows};
	together("mma", &mine, multiply<BF16>);
}

} // namespace emulator
