// The host side's view of the emulated device.
#pragma once

#include "emulator.h"

#include <functional>
#include <string>
#include <tuple>
#include <utility>

namespace emulator {

// run executes a kernel and returns what went wrong, or "". The seed decides in
// which order threads and blocks run: 0 in their natural one, 1 backwards,
// others shuffled.
std::string run(const std::function<void()>& kernel, dim3 grid, dim3 block, size_t shared_bytes, unsigned seed);

// A Kernel is what the driver knows of one: its name, how many threads a block
// may have, and how to bind its arguments.
struct Kernel {
	const char* name;
	int threads;
	std::function<void()> (*bind)(void** arguments);
};

// kernels lists all kernels that were compiled in.
std::vector<Kernel>& kernels();

template <class... A, size_t... i>
std::function<void()> bind(void (*kernel)(A...), void** arguments, std::index_sequence<i...>) {
	std::tuple<A...> values(*static_cast<A*>(arguments[i])...);
	return [=] { std::apply(kernel, values); };
}

template <auto kernel> struct Binder;
template <class... A, void (*kernel)(A...)> struct Binder<kernel> {
	static std::function<void()> bind(void** arguments) {
		return emulator::bind(kernel, arguments, std::index_sequence_for<A...>{});
	}
};

struct Registration {
	Registration(const char* name, int threads, std::function<void()> (*bind)(void**)) {
		kernels().push_back({name, threads, bind});
	}
};

#define REGISTER(name, threads) \
	static const emulator::Registration registration_of_##name(#name, threads, &emulator::Binder<&name>::bind);

} // namespace emulator
