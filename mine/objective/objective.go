// Package objective defines what the training of a critic ascends: the value of
// an objective on a batch of scores, and its derivatives. It is the float64
// reference that the fast forms of every backend are checked against, and the one
// place that names the objectives: the identifiers of the CUDA kernels are
// generated from it.
//
// # One form for all
//
// With joint scores J_i, i < n, and marginal scores M_j, j < m, every objective is
// given by a function of one score each, p(J) and q(M), called terms:
//
//	V   = mean p(J_i) - A,  A = mean q(M_j)  or  A = LME(q(M_j))
//	a_i = dV/dJ_i  = p'(J_i)/n
//	b_j = -dV/dM_j = q'(M_j)/m                        if A is a mean
//	                 q'(M_j) exp(q(M_j) - A)/m        if A is a log-mean-exp
//
// where LME(t) = log mean exp(t). A few objectives ascend another gradient than
// that of their value, on purpose: MINE puts a moving average in place of A in the
// last line, and SMILE has the weights of JS. So a term is a pair, the value and the
// weight, of which the second need not be the first one's derivative.
//
//	objective   p              weight a_i n       q              A     weight b_j m
//	dv          J              1                  M              LME   exp(M - A)
//	mine:r      J              1                  M              LME   exp(M - log ema)
//	nwj         J              1                  e^(M-1)        mean  e^(M-1)
//	js          -sp(-J)        s(-J)              sp(M)          mean  s(M)
//	smile:t     J              s(-J)              clip(M, ±t)    LME   s(M)
//	nce:v       -sp(ln v - J)  s(ln v - J)        v sp(M - ln v) mean  v s(M - ln v)
//
// with sp(t) = log(1 + e^t) softplus and s its derivative. The number behind the
// colon is the objective's parameter: r the rate of the moving average, t the clip,
// v the weight of a marginal score.
//
// # Sources
//
// dv: Donsker and Varadhan 1983. mine, and nwj as MINE-f: Belghazi et al. 2018,
// sections 3.1 and 3.2. nwj: Nguyen, Wainwright and Jordan 2010; some texts print it
// with a logarithm before E[e^(T-1)], which is a misprint. js: Nowozin, Cseke and
// Tomioka 2016; its optimum is log p(x,z)/p(x)p(z), so the bounds dv and nwj
// evaluated at the critic that it trains are valid. smile: Song and Ermon 2020,
// section 5. nce: Gutmann and Hyvärinen 2012, of which js is the case v = 1; its
// optimum is log p(x,z)/p(x)p(z) for every v, and v marginal pairs a joint pair are
// the classical choice.
//
// # Adding one
//
// An objective is a constant, its function of one score, and its line in the table
// definitions. The CPU backend takes what it has no fast form of from here. For
// the kernels, write the same function in kernels/terms.cuh and run make kernels.
package objective

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Kind is an objective without its parameter. The numbers are those of the
// kernels.
type Kind uint8

const (
	DV Kind = iota
	MINE
	NWJ
	JS
	SMILE
	NCE
)

// Kinds lists all of them.
func Kinds() []Kind {
	kinds := make([]Kind, len(definitions))
	for i := range kinds {
		kinds[i] = Kind(i)
	}
	return kinds
}

// String returns the name, such as "js".
func (k Kind) String() string {
	if int(k) < len(definitions) {
		return definitions[k].name
	}
	return fmt.Sprintf("unknown(%d)", k)
}

// Default returns the objective with the default parameter of its kind.
func (k Kind) Default() Objective {
	if int(k) < len(definitions) {
		return Objective{k, definitions[k].parameter.standard}
	}
	return Objective{Kind: k}
}

// With returns the objective with parameter p.
func (k Kind) With(p float64) Objective { return Objective{k, p} }

// Objective is a kind with its parameter, which is 0 for those without one.
// Objectives are equal if they are the same; the zero value is DV.
//
// As a text it is "js", "smile:5", "mine:0.01"; a name alone means the default
// parameter and is what a default is written as.
type Objective struct {
	Kind  Kind
	Param float64
}

// ErrUnknown is wrapped by the error about a name or number that no objective has.
var ErrUnknown = errors.New("unknown objective")

// Validate reports an unknown kind, or a parameter that it cannot have.
func (o Objective) Validate() error {
	if int(o.Kind) >= len(definitions) {
		return fmt.Errorf("%w %v, want one of %s", ErrUnknown, o.Kind, strings.Join(Names(), ", "))
	}
	p := definitions[o.Kind].parameter
	if p.name == "" && o.Param != 0 {
		return fmt.Errorf("objective %v has no parameter, but %v is given", o.Kind, o.Param)
	}
	if p.name != "" && !p.valid(o.Param) {
		return fmt.Errorf("%s of objective %v is %v, want %s", p.name, o.Kind, o.Param, p.want)
	}
	return nil
}

// Names lists the names of all kinds.
func Names() []string {
	names := make([]string, len(definitions))
	for i := range names {
		names[i] = definitions[i].name
	}
	return names
}

// Usage describes what an objective is written as, for help texts: "dv, mine[:rate],
// nwj, ...".
func Usage() string {
	forms := Names()
	for i, d := range definitions {
		if d.parameter.name != "" {
			forms[i] += "[:" + d.parameter.name + "]"
		}
	}
	return strings.Join(forms, ", ")
}

func (o Objective) String() string {
	if o == o.Kind.Default() {
		return o.Kind.String()
	}
	return o.Kind.String() + ":" + strconv.FormatFloat(o.Param, 'g', -1, 64)
}

// MarshalText returns what String does, or an error that Validate reports.
func (o Objective) MarshalText() ([]byte, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return []byte(o.String()), nil
}

// UnmarshalText reads what String returns; on an error o does not change.
func (o *Objective) UnmarshalText(text []byte) error {
	name, parameter, given := strings.Cut(string(text), ":")
	for i, d := range definitions {
		if d.name != name {
			continue
		}
		read := Kind(i).Default()
		if given {
			if d.parameter.name == "" {
				return fmt.Errorf("objective %s has no parameter, but %q is given", name, parameter)
			}
			p, err := strconv.ParseFloat(parameter, 64)
			if err != nil {
				return fmt.Errorf("%s of objective %s is %q, want %s", d.parameter.name, name, parameter, d.parameter.want)
			}
			read.Param = p
		}
		if err := read.Validate(); err != nil {
			return err
		}
		*o = read
		return nil
	}
	return fmt.Errorf("%w %q, want one of %s", ErrUnknown, text, Usage())
}
