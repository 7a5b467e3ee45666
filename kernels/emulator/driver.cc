// A stand-in for libcuda.so.1: the part of the driver's interface that gomine
// uses, on the emulated device. Work of a stream is done as late as the
// interface allows, so that a missing synchronisation shows.
//
// The environment sets what it is like, see README.md.
#include "launch.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <elf.h>
#include <map>
#include <memory>
#include <mutex>
#include <set>

namespace {

enum Result {
	success = 0,
	invalid_value = 1,
	out_of_memory = 2,
	not_initialized = 3,
	invalid_device = 101,
	invalid_image = 200,
	invalid_context = 201,
	no_binary_for_gpu = 209,
	unsupported_ptx_version = 222,
	invalid_handle = 400,
	not_found = 500,
	not_ready = 600,
	launch_out_of_resources = 701,
	launch_failed = 719,
	not_supported = 801,
	stream_capture_unsupported = 900,
};

using Pointer = unsigned long long;
using Work = std::function<Result()>;

std::recursive_mutex one_at_a_time;
using Lock = std::lock_guard<std::recursive_mutex>;

size_t environment(const char* name, size_t otherwise) {
	const char* text = std::getenv(name);
	return text != nullptr && *text != 0 ? std::strtoull(text, nullptr, 10) : otherwise;
}

int architecture() { return int(environment("GOMINE_EMULATOR_ARCH", 90)); }
size_t memory_size() { return environment("GOMINE_EMULATOR_MEMORY", size_t(8) << 30); }
unsigned seed() { return unsigned(environment("GOMINE_EMULATOR_SEED", 0)); }
int driver_version() { return int(environment("GOMINE_EMULATOR_DRIVER", 12000)); }
unsigned long grid_limit() { return environment("GOMINE_EMULATOR_GRID", 65535); } // blocks in y and z
bool eager() { return environment("GOMINE_EMULATOR_EAGER", 0) != 0; }

// Limits by compute capability: CUDA C++ Programming Guide, "Technical
// specifications per compute capability".
int shared_memory_opt_in() {
	switch (architecture()) {
	case 70: return 96 << 10;
	case 75: return 64 << 10;
	case 80: return 163 << 10;
	case 86:
	case 89:
	case 120: return 99 << 10;
	default: return 227 << 10;
	}
}
constexpr int shared_memory_default = 48 << 10, multiprocessors = 4;

// A lost device answers everything with this.
Result lost = success;

// failing says whether this call of a function is to fail, by
// GOMINE_EMULATOR_FAIL=function:number[:code],..; a code other than out of
// memory loses the device.
Result failing(const char* function) {
	static std::map<std::string, size_t> calls;
	const char* text = std::getenv("GOMINE_EMULATOR_FAIL");
	if (text == nullptr || *text == 0) {
		calls.clear();
		return success;
	}
	const size_t number = ++calls[function];
	std::string all(text), name(function);
	for (size_t at = 0; at < all.size();) {
		const size_t end = std::min(all.find(',', at), all.size());
		const std::string one = all.substr(at, end - at);
		at = end + 1;
		const size_t colon = one.find(':');
		if (colon == std::string::npos || one.substr(0, colon) != name) continue;
		char* rest;
		if (std::strtoull(one.c_str() + colon + 1, &rest, 10) != number) continue;
		const Result code = *rest == ':' ? Result(std::atoi(rest + 1)) : out_of_memory;
		if (code != out_of_memory) lost = code;
		return code;
	}
	return success;
}

struct Function {
	const emulator::Kernel* kernel;
	int shared_limit = shared_memory_default;
};
struct Module {
	std::map<std::string, std::unique_ptr<Function>> functions;
};
struct Context {};

struct Graph {
	std::vector<Work> nodes;
};
struct Stream {
	bool blocking = true; // whether work without a stream waits for it
	std::deque<Work> queue;
	Graph* capture = nullptr;
};
struct Event {
	unsigned long recorded = 0, reached = 0; // how often
	Stream* stream = nullptr;
	std::chrono::steady_clock::time_point at;
};

std::set<Context*> contexts;
thread_local Context* current;
std::set<Stream*> streams;
Stream default_stream;
std::map<Pointer, size_t> allocations;
size_t allocated;
bool initialised;

Stream* stream_of(void* handle) { return handle == nullptr ? &default_stream : static_cast<Stream*>(handle); }

// ready checks what nearly every call needs.
Result ready() {
	if (!initialised) return not_initialized;
	if (lost != success) return lost;
	return current != nullptr && contexts.count(current) != 0 ? success : invalid_context;
}

#define REQUIRE_READY \
	Lock lock(one_at_a_time); \
	if (const Result r = ready(); r != success) return r
#define MAY_FAIL \
	if (const Result r = failing(__func__); r != success) return r

// drain does the work of a stream until there is nothing left or it is enough.
template <class Enough> Result drain(Stream* s, Enough enough) {
	while (!s->queue.empty() && !enough()) {
		const Work work = std::move(s->queue.front());
		s->queue.pop_front();
		if (lost != success) continue;
		if (const Result r = work(); r != success) lost = r;
	}
	return lost;
}

Result drain(Stream* s) {
	return drain(s, [] { return false; });
}

// reach does the work in front of the number-th record of an event.
Result reach(const Event* e, unsigned long number) {
	return e->reached < number ? drain(e->stream, [=] { return e->reached >= number; }) : lost;
}

// drain_blocking does what work without a stream waits for.
Result drain_blocking() {
	drain(&default_stream);
	for (Stream* s : streams)
		if (s->blocking) drain(s);
	return lost;
}

Result drain_all() {
	drain(&default_stream);
	for (Stream* s : streams) drain(s);
	return lost;
}

// enqueue hands work to a stream, or to the graph that it is being captured in.
Result enqueue(Stream* s, Work work) {
	if (s->capture != nullptr) {
		s->capture->nodes.push_back(std::move(work));
		return success;
	}
	s->queue.push_back(std::move(work));
	return eager() ? drain(s) : success;
}

// within says whether [p, p+n) lies in one allocation.
bool within(Pointer p, size_t n) {
	auto next = allocations.upper_bound(p);
	if (next == allocations.begin()) return false;
	--next;
	return p + n <= next->first + next->second;
}

Result bad_range(const char* what, Pointer p, size_t n) {
	std::fprintf(stderr, "emulator: %s: %zu bytes at %#llx are not within one allocation\n", what, n, p);
	return invalid_value;
}

// copy makes the work of copying; device ranges are checked now and again when
// the time comes.
Work copy(Pointer to, bool to_device, Pointer from, bool from_device, size_t n) {
	return [=] {
		if (to_device && !within(to, n)) return bad_range("copy", to, n);
		if (from_device && !within(from, n)) return bad_range("copy", from, n);
		std::memmove(reinterpret_cast<void*>(to), reinterpret_cast<void*>(from), n);
		return success;
	};
}

Result copy_now(Pointer to, bool to_device, Pointer from, bool from_device, size_t n) {
	if (const Result r = drain_blocking(); r != success) return r;
	return copy(to, to_device, from, from_device, n)();
}

template <class T> Work fill(Pointer to, T value, size_t n) {
	return [=] {
		if (!within(to, n * sizeof(T))) return bad_range("memset", to, n * sizeof(T));
		T* p = reinterpret_cast<T*>(to);
		std::fill(p, p + n, value);
		return success;
	};
}

// add makes a module's function of the kernel of that name that was compiled in.
void add(Module& m, const std::string& name) {
	for (const emulator::Kernel& k : emulator::kernels())
		if (name == k.name) m.functions[name] = std::make_unique<Function>(Function{&k});
	if (m.functions.count(name) == 0) std::fprintf(stderr, "emulator: kernel %s was not compiled in\n", name.c_str());
}

// load_cubin takes from a cubin what it is for and the names of its kernels, those of
// the sections with their code. The compute capability is in the flags of the ELF header: bits 0
// to 7, and 8 to 15 from version 8 of the format on. A device runs what is for its own
// major number and no younger.
Result load_cubin(void** module, const char* image) {
	const Elf64_Ehdr* header = reinterpret_cast<const Elf64_Ehdr*>(image);
	constexpr int machine_cuda = 190;
	if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != machine_cuda) return invalid_image;
	const int target = int(header->e_flags >> (header->e_ident[EI_ABIVERSION] >= 8 ? 8 : 0) & 0xff);
	if (target / 10 != architecture() / 10 || target > architecture()) return no_binary_for_gpu;
	auto m = std::make_unique<Module>();
	const Elf64_Shdr* sections = reinterpret_cast<const Elf64_Shdr*>(image + header->e_shoff);
	const char* names = image + sections[header->e_shstrndx].sh_offset;
	static const std::string code = ".text.";
	for (int i = 0; i < header->e_shnum; ++i)
		if (const std::string name = names + sections[i].sh_name; name.compare(0, code.size(), code) == 0) add(*m, name.substr(code.size()));
	*module = m.release();
	return success;
}

Result load(void** module, const char* image) {
	if (std::memcmp(image, ELFMAG, SELFMAG) == 0) return load_cubin(module, image);
	const char* version = std::strstr(image, ".version ");
	const char* target = std::strstr(image, ".target sm_");
	if (version == nullptr || target == nullptr) return invalid_image;
	// PTX 8.0 came with CUDA 12.0, and so on by the table of the PTX ISA's
	// release notes.
	const int ptx_version = int(std::strtod(version + 9, nullptr) * 10 + 0.5);
	if (ptx_version > driver_version() / 1000 * 10 - 40 + driver_version() % 1000 / 10) return unsupported_ptx_version;
	if (std::atoi(target + 11) > architecture()) return no_binary_for_gpu;
	auto m = std::make_unique<Module>();
	static const char entry[] = ".entry ";
	for (const char* at = image; (at = std::strstr(at, entry)) != nullptr;) {
		at += sizeof entry - 1;
		add(*m, std::string(at, std::strcspn(at, "( \n")));
	}
	*module = m.release();
	return success;
}

Result launch(const Function* f, const std::function<void()>& body, dim3 grid, dim3 block, size_t shared) {
	const std::string failure = emulator::run(body, grid, block, shared, seed());
	if (failure.empty()) return success;
	std::fprintf(stderr, "emulator: kernel %s, grid (%u,%u,%u), block (%u,%u,%u): %s\n", f->kernel->name, grid.x, grid.y, grid.z,
		block.x, block.y, block.z, failure.c_str());
	return launch_failed;
}

} // namespace

namespace emulator {
std::vector<Kernel>& kernels() {
	static std::vector<Kernel> all;
	return all;
}
} // namespace emulator

#pragma GCC visibility push(default)
extern "C" {

int cuInit(unsigned) {
	Lock lock(one_at_a_time);
	initialised = true;
	return success;
}
int cuDriverGetVersion(int* v) { *v = driver_version(); return success; }
int cuDeviceGetCount(int* n) { *n = int(environment("GOMINE_EMULATOR_DEVICES", 1)); return success; }
int cuDeviceGet(int* device, int ordinal) {
	int n;
	cuDeviceGetCount(&n);
	if (ordinal < 0 || ordinal >= n) return invalid_device;
	*device = ordinal;
	return success;
}
int cuDeviceGetName(char* name, int n, int) { std::snprintf(name, size_t(n), "gomine emulator"); return success; }
int cuDeviceTotalMem_v2(size_t* n, int) { *n = memory_size(); return success; }
int cuDeviceGetAttribute(int* value, int attribute, int) {
	switch (attribute) {
	case 1: *value = 1024; break;                    // threads per block
	case 8: *value = shared_memory_default; break;   // shared memory per block
	case 10: *value = 32; break;                     // warp size
	case 12: *value = 65536; break;                  // registers per block
	case 16: *value = multiprocessors; break;
	case 75: *value = architecture() / 10; break;
	case 76: *value = architecture() % 10; break;
	case 97: *value = shared_memory_opt_in(); break; // shared memory per block, opt-in
	default: return invalid_value;
	}
	return success;
}

int cuCtxCreate_v2(void** context, unsigned, int) {
	Lock lock(one_at_a_time);
	if (!initialised) return not_initialized;
	if (lost != success) return lost;
	MAY_FAIL;
	current = new Context;
	contexts.insert(current);
	*context = current;
	return success;
}
int cuCtxDestroy_v2(void* context) {
	Lock lock(one_at_a_time);
	Context* c = static_cast<Context*>(context);
	if (contexts.erase(c) == 0) return invalid_context;
	drain_all();
	if (current == c) current = nullptr;
	delete c;
	lost = success; // a new context may find the device well again
	if (!contexts.empty() || allocations.empty()) return success;
	std::fprintf(stderr, "emulator: %zu allocations of %zu bytes went with their context\n", allocations.size(), allocated);
	for (const auto& a : allocations) std::free(reinterpret_cast<void*>(a.first));
	allocations.clear();
	allocated = 0;
	return success;
}
int cuCtxSetCurrent(void* context) { current = static_cast<Context*>(context); return success; }
int cuCtxGetCurrent(void** context) { *context = current; return success; }
int cuCtxGetDevice(int* device) { *device = 0; return current == nullptr ? invalid_context : success; }
int cuCtxSynchronize() {
	REQUIRE_READY;
	return drain_all();
}

int cuModuleLoadData(void** module, const void* image) {
	REQUIRE_READY;
	MAY_FAIL;
	return load(module, static_cast<const char*>(image));
}
int cuModuleLoadDataEx(void** module, const void* image, unsigned, int*, void**) {
	return cuModuleLoadData(module, image);
}
int cuModuleUnload(void* module) {
	REQUIRE_READY;
	drain_all();
	delete static_cast<Module*>(module);
	return success;
}
int cuModuleGetFunction(void** function, void* module, const char* name) {
	REQUIRE_READY;
	Module* m = static_cast<Module*>(module);
	auto f = m->functions.find(name);
	if (f == m->functions.end()) return not_found;
	*function = f->second.get();
	return success;
}
int cuFuncGetAttribute(int* value, int attribute, void* function) {
	const Function* f = static_cast<Function*>(function);
	switch (attribute) {
	case 0: *value = f->kernel->threads; return success;
	case 1: *value = 0; return success; // static shared memory: not told apart here
	case 3: *value = 0; return success; // local memory: there is none
	case 4: *value = 32; return success; // registers: any number
	case 8: *value = f->shared_limit; return success;
	default: return not_supported;
	}
}
int cuFuncSetAttribute(void* function, int attribute, int value) {
	REQUIRE_READY;
	if (attribute == 9) return value >= -1 && value <= 100 ? success : invalid_value; // share of shared memory
	if (attribute != 8) return not_supported;
	if (value < 0 || value > shared_memory_opt_in()) return invalid_value;
	static_cast<Function*>(function)->shared_limit = std::max(value, shared_memory_default);
	return success;
}

int cuMemAlloc_v2(Pointer* p, size_t n) {
	REQUIRE_READY;
	MAY_FAIL;
	if (n == 0) return invalid_value;
	if (allocated + n > memory_size()) return out_of_memory;
	void* memory = std::aligned_alloc(256, (n + 255) / 256 * 256);
#if defined(__SANITIZE_ADDRESS__)
	std::free(memory); // exactly as many bytes, with guards around them
	if (posix_memalign(&memory, 256, n) != 0) return out_of_memory;
#endif
	if (memory == nullptr) return out_of_memory;
	std::memset(memory, 0xff, n);
	*p = reinterpret_cast<Pointer>(memory);
	allocations[*p] = n;
	allocated += n;
	return success;
}
int cuMemFree_v2(Pointer p) {
	REQUIRE_READY;
	drain_all();
	auto a = allocations.find(p);
	if (a == allocations.end()) {
		std::fprintf(stderr, "emulator: free of %#llx, which is not allocated\n", p);
		return invalid_value;
	}
	allocated -= a->second;
	allocations.erase(a);
	std::free(reinterpret_cast<void*>(p));
	return success;
}
int cuMemGetInfo_v2(size_t* unused, size_t* total) {
	REQUIRE_READY;
	*unused = memory_size() - allocated;
	*total = memory_size();
	return success;
}
int cuMemHostAlloc(void** p, size_t n, unsigned) {
	REQUIRE_READY;
	MAY_FAIL;
	*p = std::malloc(n);
	return *p == nullptr ? out_of_memory : success;
}
int cuMemFreeHost(void* p) {
	REQUIRE_READY;
	drain_all();
	std::free(p);
	return success;
}

int cuMemcpyHtoD_v2(Pointer to, const void* from, size_t n) {
	REQUIRE_READY;
	MAY_FAIL;
	return copy_now(to, true, reinterpret_cast<Pointer>(from), false, n);
}
int cuMemcpyDtoH_v2(void* to, Pointer from, size_t n) {
	REQUIRE_READY;
	MAY_FAIL;
	return copy_now(reinterpret_cast<Pointer>(to), false, from, true, n);
}
int cuMemcpyDtoD_v2(Pointer to, Pointer from, size_t n) {
	REQUIRE_READY;
	return copy_now(to, true, from, true, n);
}
int cuMemcpyHtoDAsync_v2(Pointer to, const void* from, size_t n, void* stream) {
	REQUIRE_READY;
	MAY_FAIL;
	return enqueue(stream_of(stream), copy(to, true, reinterpret_cast<Pointer>(from), false, n));
}
int cuMemcpyDtoHAsync_v2(void* to, Pointer from, size_t n, void* stream) {
	REQUIRE_READY;
	MAY_FAIL;
	return enqueue(stream_of(stream), copy(reinterpret_cast<Pointer>(to), false, from, true, n));
}
int cuMemcpyDtoDAsync_v2(Pointer to, Pointer from, size_t n, void* stream) {
	REQUIRE_READY;
	return enqueue(stream_of(stream), copy(to, true, from, true, n));
}
int cuMemsetD8_v2(Pointer to, unsigned char value, size_t n) {
	REQUIRE_READY;
	if (const Result r = drain_blocking(); r != success) return r;
	return fill(to, value, n)();
}
int cuMemsetD32_v2(Pointer to, unsigned value, size_t n) {
	REQUIRE_READY;
	if (const Result r = drain_blocking(); r != success) return r;
	return fill(to, value, n)();
}
int cuMemsetD8Async(Pointer to, unsigned char value, size_t n, void* stream) {
	REQUIRE_READY;
	return enqueue(stream_of(stream), fill(to, value, n));
}
int cuMemsetD32Async(Pointer to, unsigned value, size_t n, void* stream) {
	REQUIRE_READY;
	return enqueue(stream_of(stream), fill(to, value, n));
}

int cuStreamCreate(void** stream, unsigned flags) {
	REQUIRE_READY;
	MAY_FAIL;
	constexpr unsigned non_blocking = 1;
	Stream* s = new Stream;
	s->blocking = (flags & non_blocking) == 0;
	streams.insert(s);
	*stream = s;
	return success;
}
int cuStreamDestroy_v2(void* stream) {
	REQUIRE_READY;
	Stream* s = static_cast<Stream*>(stream);
	drain(s);
	if (streams.erase(s) == 0) return invalid_handle;
	delete s;
	return success;
}
int cuStreamSynchronize(void* stream) {
	REQUIRE_READY;
	return drain(stream_of(stream));
}
int cuStreamQuery(void* stream) {
	REQUIRE_READY;
	return stream_of(stream)->queue.empty() ? success : not_ready;
}
int cuStreamWaitEvent(void* stream, void* event, unsigned) {
	REQUIRE_READY;
	// What counts is where the event is now, not where it is recorded later.
	const Event* e = static_cast<Event*>(event);
	return enqueue(stream_of(stream), [e, number = e->recorded] { return reach(e, number); });
}

int cuEventCreate(void** event, unsigned) {
	REQUIRE_READY;
	MAY_FAIL;
	*event = new Event;
	return success;
}
int cuEventDestroy_v2(void* event) {
	REQUIRE_READY;
	drain_all();
	delete static_cast<Event*>(event);
	return success;
}
int cuEventRecord(void* event, void* stream) {
	REQUIRE_READY;
	Event* e = static_cast<Event*>(event);
	e->stream = stream_of(stream);
	return enqueue(e->stream, [e, number = ++e->recorded] {
		e->reached = number;
		e->at = std::chrono::steady_clock::now();
		return success;
	});
}
int cuEventSynchronize(void* event) {
	REQUIRE_READY;
	const Event* e = static_cast<Event*>(event);
	return reach(e, e->recorded);
}
int cuEventQuery(void* event) {
	REQUIRE_READY;
	Event* e = static_cast<Event*>(event);
	return e->reached == e->recorded ? success : not_ready;
}
int cuEventElapsedTime(float* milliseconds, void* from, void* to) {
	REQUIRE_READY;
	Event *a = static_cast<Event*>(from), *b = static_cast<Event*>(to);
	if (a->recorded == 0 || b->recorded == 0) return invalid_handle;
	if (a->reached != a->recorded || b->reached != b->recorded) return not_ready;
	*milliseconds = std::chrono::duration<float, std::milli>(b->at - a->at).count();
	return success;
}

int cuLaunchKernel(void* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
	unsigned shared, void* stream, void** arguments, void**) {
	REQUIRE_READY;
	MAY_FAIL;
	const Function* f = static_cast<Function*>(function);
	const unsigned long threads = (unsigned long)bx * by * bz;
	if (gx == 0 || gy == 0 || gz == 0 || threads == 0 || gx > 0x7fffffff || gy > grid_limit() || gz > grid_limit()) {
		std::fprintf(stderr, "emulator: kernel %s: grid (%u,%u,%u), block (%u,%u,%u) is not possible\n", f->kernel->name, gx, gy, gz,
			bx, by, bz);
		return invalid_value;
	}
	if (threads > 1024 || int(threads) > f->kernel->threads) {
		std::fprintf(stderr, "emulator: kernel %s: %lu threads a block, at most %d\n", f->kernel->name, threads, f->kernel->threads);
		return launch_out_of_resources;
	}
	if (int(shared) > f->shared_limit) {
		std::fprintf(stderr, "emulator: kernel %s: %u bytes of shared memory, at most %d\n", f->kernel->name, shared, f->shared_limit);
		return invalid_value;
	}
	const std::function<void()> body = f->kernel->bind(arguments);
	const dim3 grid(gx, gy, gz), block(bx, by, bz);
	return enqueue(stream_of(stream), [=] { return launch(f, body, grid, block, shared); });
}

int cuStreamBeginCapture_v2(void* stream, int) {
	REQUIRE_READY;
	MAY_FAIL;
	Stream* s = static_cast<Stream*>(stream);
	if (s == nullptr || s->capture != nullptr) return stream_capture_unsupported;
	s->capture = new Graph;
	return success;
}
int cuStreamEndCapture(void* stream, void** graph) {
	REQUIRE_READY;
	Stream* s = static_cast<Stream*>(stream);
	if (s->capture == nullptr) return invalid_value;
	*graph = s->capture;
	s->capture = nullptr;
	return success;
}
int cuGraphInstantiateWithFlags(void** executable, void* graph, unsigned long long) {
	REQUIRE_READY;
	MAY_FAIL;
	*executable = new Graph(*static_cast<Graph*>(graph));
	return success;
}
int cuGraphLaunch(void* executable, void* stream) {
	REQUIRE_READY;
	MAY_FAIL;
	const std::vector<Work> nodes = static_cast<Graph*>(executable)->nodes;
	return enqueue(stream_of(stream), [=] {
		for (const Work& node : nodes)
			if (const Result r = node(); r != success) return r;
		return success;
	});
}
int cuGraphExecDestroy(void* executable) {
	REQUIRE_READY;
	drain_all();
	delete static_cast<Graph*>(executable);
	return success;
}
int cuGraphDestroy(void* graph) {
	REQUIRE_READY;
	delete static_cast<Graph*>(graph);
	return success;
}

int cuGetErrorString(int code, const char** text) {
	static const std::map<int, const char*> texts = {
		{success, "no error"}, {invalid_value, "invalid argument"}, {out_of_memory, "out of memory"},
		{invalid_context, "invalid device context"}, {invalid_image, "device kernel image is invalid"}, {no_binary_for_gpu, "no kernel image is available for execution on the device"},
		{unsupported_ptx_version, "the provided PTX was compiled with an unsupported toolchain"},
		{launch_out_of_resources, "too many resources requested for launch"}, {launch_failed, "unspecified launch failure"}};
	auto t = texts.find(code);
	if (t == texts.end()) return invalid_value;
	*text = t->second;
	return success;
}

// The rest of what gorgonia.org/cu links with.
#define NOT_SUPPORTED(name) \
	int name() { return not_supported; }
#include "unsupported.inc"

} // extern "C"
#pragma GCC visibility pop
