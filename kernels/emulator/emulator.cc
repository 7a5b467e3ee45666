// The scheduler of the emulator: fibers, barriers, warp operations, shared
// memory. One kernel runs at a time.
#include "launch.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#define UNCHECKED __attribute__((no_sanitize_address, noinline))
#else
#define UNPOISON(p, n) ((void)0)
#define UNCHECKED __attribute__((noinline))
#endif

// switch_stack saves the registers that a call preserves, stores the stack
// pointer in *from and continues with what was saved at to.
extern "C" void gomine_switch_stack(void** from, void* to);

#if defined(__x86_64__)
asm(R"(
.text
.type gomine_switch_stack,@function
gomine_switch_stack:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdi)
	movq %rsi, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
.size gomine_switch_stack, .-gomine_switch_stack
)");
#elif defined(__aarch64__)
asm(R"(
.text
.type gomine_switch_stack,@function
gomine_switch_stack:
	sub sp, sp, #160
	stp x19, x20, [sp, #0]
	stp x21, x22, [sp, #16]
	stp x23, x24, [sp, #32]
	stp x25, x26, [sp, #48]
	stp x27, x28, [sp, #64]
	stp x29, x30, [sp, #80]
	stp d8, d9, [sp, #96]
	stp d10, d11, [sp, #112]
	stp d12, d13, [sp, #128]
	stp d14, d15, [sp, #144]
	mov x9, sp
	str x9, [x0]
	mov sp, x1
	ldp x19, x20, [sp, #0]
	ldp x21, x22, [sp, #16]
	ldp x23, x24, [sp, #32]
	ldp x25, x26, [sp, #48]
	ldp x27, x28, [sp, #64]
	ldp x29, x30, [sp, #80]
	ldp d8, d9, [sp, #96]
	ldp d10, d11, [sp, #112]
	ldp d12, d13, [sp, #128]
	ldp d14, d15, [sp, #144]
	add sp, sp, #160
	ret
.size gomine_switch_stack, .-gomine_switch_stack
)");
#else
#error "the emulator switches stacks on x86-64 and arm64 only"
#endif

// The linker marks where static shared memory begins and ends.
extern "C" {
extern char __start_emulated_shared[] __attribute__((weak, visibility("hidden")));
extern char __stop_emulated_shared[] __attribute__((weak, visibility("hidden")));
}

namespace emulator {

Here here;

namespace {

enum class State : uint8_t { ready, at_barrier, at_warp_barrier, ended };

constexpr size_t stack_size = 128 << 10;

struct Fiber {
	Thread thread;
	void* stack_pointer;
	char* stack;
	const char* where;
};

struct Warp {
	unsigned arrived, live;
	const char* where; // of the operation that lanes wait in
	const void* given[warp_size]; // to work that lanes do together
};

std::vector<Fiber*> fibers; // kept from launch to launch
std::vector<State> states;  // of the fibers, side by side because they are looked through so often
std::vector<Warp> warps;
std::vector<unsigned> turns;
unsigned turn; // of the running fiber
unsigned threads, live, waiting;
Fiber* running;
void* scheduler;
const std::function<void()>* body;
std::string failure;
void* shared;

// next makes the first fiber that is ready from a turn on the running one, if there is one.
bool next(unsigned from) {
	for (turn = from; turn < threads; ++turn) {
		if (states[turns[turn]] != State::ready) continue;
		running = fibers[turns[turn]];
		here.thread = &running->thread;
		return true;
	}
	return false;
}

// yield continues with the next fiber, or with the scheduler where there is none.
void yield() {
	Fiber& me = *running;
	gomine_switch_stack(&me.stack_pointer, next(turn + 1) ? running->stack_pointer : scheduler);
}

UNCHECKED void entry() {
	(*body)();
	Fiber& me = *running;
	if (!me.thread.copies.empty()) fail("ends without waiting for its copies");
	states[me.thread.linear] = State::ended;
	--live;
	warps[me.thread.linear / warp_size].live &= ~(1u << me.thread.linear % warp_size);
	for (;;) yield();
}

UNCHECKED void prepare(Fiber& f) {
	// Not all at the same place of a page: they would share few lines of the caches.
	void** top = reinterpret_cast<void**>(f.stack + stack_size - 256 - f.thread.linear % 32 * 576);
#if defined(__x86_64__)
	*--top = nullptr; // where entry would return to
	*--top = reinterpret_cast<void*>(entry);
	for (int i = 0; i < 6; ++i) *--top = nullptr;
#else
	top -= 20;
	for (int i = 0; i < 20; ++i) top[i] = nullptr;
	top[11] = reinterpret_cast<void*>(entry); // the link register
#endif
	f.stack_pointer = top;
}

// poison fills memory with the bytes of a NaN, around what watches it.
UNCHECKED void poison(char* from, char* to) {
#if defined(__SANITIZE_ADDRESS__)
	for (volatile char* p = from; p < to; ++p) *p = char(0xff);
#else
	std::memset(from, 0xff, size_t(to - from));
#endif
}

std::vector<unsigned> order(unsigned n, unsigned seed) {
	std::vector<unsigned> all(n);
	for (unsigned i = 0; i < n; ++i) all[i] = i;
	if (seed == 1) std::reverse(all.begin(), all.end());
	if (seed > 1) {
		std::mt19937 random(seed);
		std::shuffle(all.begin(), all.end(), random);
	}
	return all;
}

// release_barrier lets all threads of the block go on.
void release_barrier() {
	const char* where = nullptr;
	for (unsigned i = 0; i < threads; ++i) {
		Fiber& f = *fibers[i];
		if (states[i] != State::at_barrier) continue;
		if (where != nullptr && where != f.where && std::strcmp(where, f.where) != 0) {
			failure = "divergent barriers: some threads wait at " + std::string(where) + ", thread " + std::to_string(i) +
				" at " + f.where;
			return;
		}
		where = f.where;
		states[i] = State::ready;
	}
	waiting = 0;
}

void run_block() {
	live = threads;
	waiting = 0;
	states.assign(threads, State::ready);
	warps.assign((threads + warp_size - 1) / warp_size, Warp{});
	poison(__start_emulated_shared, __stop_emulated_shared);
	for (unsigned i = 0; i < threads; ++i) {
		if (i == fibers.size()) {
			fibers.push_back(new Fiber{});
			fibers[i]->stack = static_cast<char*>(std::aligned_alloc(64, stack_size));
		}
		Fiber& f = *fibers[i];
		const dim3 size = here.block_size;
		f.thread.linear = i;
		f.thread.index = dim3(i % size.x, i / size.x % size.y, i / (size.x * size.y));
		f.thread.copies.clear();
		f.thread.groups = 0;
		warps[i / warp_size].live |= 1u << i % warp_size;
		prepare(f);
	}
	while (live > 0 && failure.empty()) {
		if (next(0)) {
			gomine_switch_stack(&scheduler, running->stack_pointer);
			continue;
		}
		if (waiting == live) {
			release_barrier();
			continue;
		}
		for (unsigned i = 0; i < threads; ++i) {
			if (states[i] == State::ended) continue;
			failure = "divergence: thread " + std::to_string(i) + " waits for others at " + fibers[i]->where + " for ever, " +
				std::to_string(waiting) + " of " + std::to_string(live) + " threads are at a block barrier";
			return;
		}
	}
}

} // namespace

// The scheduler never comes back to any of the kernel's fibers.
void fail(const std::string& what) {
	if (failure.empty()) {
		const Thread& t = *here.thread;
		failure = "block (" + std::to_string(here.block.x) + "," + std::to_string(here.block.y) + "," +
			std::to_string(here.block.z) + ") thread " + std::to_string(t.linear) + ": " + what;
	}
	for (;;) gomine_switch_stack(&running->stack_pointer, scheduler);
}

void* dynamic_shared() { return shared; }

void barrier(const char* where) {
	states[running->thread.linear] = State::at_barrier;
	running->where = where;
	++waiting;
	yield();
}

// meet waits for the lanes of mask; the last one to come calls last first.
template <class Last>
static void meet(unsigned mask, const char* where, Last last) {
	const unsigned lane = running->thread.linear % warp_size, first = running->thread.linear - lane;
	Warp& w = warps[running->thread.linear / warp_size];
	if ((mask >> lane & 1) == 0) fail(std::string("the mask of the warp operation at ") + where + " leaves out the calling lane");
	if (w.arrived != 0 && w.where != where)
		fail(std::string("divergent warp: lanes are at ") + w.where + " and at " + where);
	w.where = where;
	w.arrived |= 1u << lane;
	if ((w.arrived & mask) != (mask & w.live)) {
		states[running->thread.linear] = State::at_warp_barrier;
		running->where = where;
		yield();
		return;
	}
	if ((mask & w.live) != mask) fail(std::string("lanes of the warp operation at ") + where + " have ended");
	last();
	w.arrived = 0;
	for (unsigned l = 0; l < warp_size && first + l < threads; ++l)
		if (states[first + l] == State::at_warp_barrier) states[first + l] = State::ready;
}

void warp_barrier(unsigned mask, const char* where) {
	meet(mask, where, [] {});
}

void together(const char* where, const void* given, void (*work)(const void* const given[warp_size])) {
	Warp& w = warps[running->thread.linear / warp_size];
	w.given[running->thread.linear % warp_size] = given;
	meet(0xffffffffu, where, [&] { work(w.given); });
}

void exchange(unsigned mask, const Exchange& mine, size_t size) {
	const unsigned lane = running->thread.linear % warp_size;
	Warp& w = warps[running->thread.linear / warp_size];
	if ((mask >> mine.from & 1) == 0) fail("a shuffle reads from lane " + std::to_string(mine.from) + ", which its mask leaves out");
	w.given[lane] = &mine;
	meet(mask, "shuffle", [&] {
		const auto of = [&](unsigned l) { return static_cast<const Exchange*>(w.given[l]); };
		for (unsigned l = 0; l < warp_size; ++l)
			if (mask >> l & 1) std::memcpy(of(l)->result, of(of(l)->from)->value, size);
	});
}

std::string run(const std::function<void()>& kernel, dim3 grid, dim3 block, size_t shared_bytes, unsigned seed) {
	body = &kernel;
	failure.clear();
	threads = block.x * block.y * block.z;
	here.grid_size = grid;
	here.block_size = block;
	turns = order(threads, seed);
	// Exactly the bytes asked for, so that a byte more is found out of bounds.
	char* memory = static_cast<char*>(std::malloc(shared_bytes));
	shared = memory;
	for (unsigned i : order(grid.x * grid.y * grid.z, seed)) {
		here.block = dim3(i % grid.x, i / grid.x % grid.y, i / (grid.x * grid.y));
		poison(memory, memory + shared_bytes);
		run_block();
		if (!failure.empty()) break;
	}
	std::free(memory);
	if (!failure.empty())
		for ([[maybe_unused]] Fiber* f : fibers) UNPOISON(f->stack, stack_size); // frames that were abandoned
	return failure;
}

} // namespace emulator
