// Asynchronous copies to shared memory (PTX ISA, "cp.async") on the emulator.
//
// A copy takes place as late as it may: when its thread waits for its group. Until
// then what it will overwrite is NaN, for a chip may write at any time between: both
// reading too early and copying to where another thread still reads are noticed.
#include "emulator.h"

#include <string>

namespace emulator {

void copy_async(void* to, const void* from, int bytes) {
	const auto misaligned = [](const void* p) { return reinterpret_cast<uintptr_t>(p) % copy_bytes != 0; };
	if (misaligned(to) || misaligned(from)) fail("a copy of 16 bytes is not aligned");
	if (bytes < 0 || bytes > copy_bytes) fail("a copy of " + std::to_string(bytes) + " bytes, 16 at most");
	std::memset(to, 0xff, copy_bytes);
	Thread& t = *here.thread;
	t.copies.push_back({to, from, bytes, t.groups});
}

void commit_copies() { ++here.thread->groups; }

void wait_copies(unsigned behind) {
	Thread& t = *here.thread;
	size_t done = 0;
	for (; done < t.copies.size() && t.copies[done].group + behind < t.groups; ++done) {
		const Copy& c = t.copies[done];
		std::memset(c.to, 0, copy_bytes);
		std::memcpy(c.to, c.from, size_t(c.bytes));
	}
	t.copies.erase(t.copies.begin(), t.copies.begin() + done);
}

} // namespace emulator
