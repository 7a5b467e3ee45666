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
// holds, with equality for T = log p(x,z)/p(x)p(z) plus a constant. The rows are
// cut into folds: each is tested on by critics that were trained on the others. A few
// kinds of critic race, those that matter are trained on every fold, and their weighted
// sum, with weights from the other folds, gives the reported value and its standard
// error (see Bound). All information is in nats.
//
// [Estimate] does all of it in one call. [Fit] also returns the trained critic, a
// [Fitted], which evaluates other rows, and scores and differentiates single pairs. An
// [Estimator] goes through the stages one by one. Data are given as a
// [column.Source]: slices, matrices, codes, files, or an implementation of one's own.
//
// # Maximising and minimising information
//
// A [Critic] follows the information of a law that changes while a network is
// trained, and [NewModel] makes such a network. In turn: Train the critic on a batch of
// the present law, a few steps for each of the network's; then Gradients on a new
// batch gives dV/dz for the rows z that the network made, Backward takes it to the
// network's parameters, and Update takes a step.
//
// To maximise I(X;Z), ascend V: it is a lower bound, so what it gains is gained.
//
// To minimise, descend V, but with care: a network can bring a lower bound down by
// confusing the critic instead of losing information. So the critic comes first:
// more steps for it than for the network, at a larger learning rate; a weight that
// keeps the network slow; and at the end the number from a fresh [Estimate] on the
// final law, never from the critic that the network was trained against. An upper limit on
// what the term may do helps both: Belghazi et al. (appendix) scale the gradient
// of the information down to the length of that of the other loss where it is
// longer.
//
// # Reproducibility
//
// A result is a pure function of the data and the Config, seed included: it
// does not depend on the number of threads, and the same backend on the same
// kind of device repeats it bit for bit. One that has ended early goes on to the same
// bits if it was made [WithCheckpoints].
package mine
