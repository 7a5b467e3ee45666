// Package mine estimates the mutual information of two vector-valued variables
// from samples, with an error bar, by Mutual Information Neural Estimation
// (Belghazi et al., ICML 2018, arXiv:1801.04062).
//
// A small neural network, the critic T, is trained to tell pairs (x, z) that
// were observed together from pairs that were put together at random. For
// every critic the Donsker–Varadhan bound
//
//	I(X;Z) >= E[T(x_i, z_i)] - log E[exp T(x_i, z_j)]
//
// holds, with equality for T = log p(x,z)/p(x)p(z) plus a constant. The rows
// are split three ways: training rows move the critic, validation rows decide
// when to stop and which of a few kinds of critic to keep, and test rows, which
// nothing else has seen, give the reported value and its standard error (see
// Bound). All information is in nats.
//
// [Estimate] does all of it in one call. An [Estimator] stays around to train
// on, to evaluate other rows, and to score and differentiate single pairs.
// Data are given as a [Variable], in any of several layouts.
//
// A result is a pure function of the data and the Config, seed included: it
// does not depend on the number of threads, and the same backend on the same
// kind of device repeats it bit for bit.
package mine
