// Runs one static Linux program on a bare machine, with as much of Linux as kernel_tests asks for: memory, an output,
// an exit. What it prints goes to the first serial port.
#include <elf.h>
#include <stdint.h>

enum { kProgramHeap = 0x10000000, kHeapEnd = 0x1c000000, kStackTop = 0x1f000000 };  // the machine has 512 MB

// Of the multiboot information, what is used: the modules, of which the first is the program.
struct Module {
  uint32_t begin, end, text, reserved;
};
struct BootInformation {
  uint32_t flags, memory[2], boot_device, text, num_modules, modules;
};

static void out(uint16_t port, uint8_t value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }

static uint8_t in(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

// 115,200 baud, 8 bits, no parity (16550 UART).
static void open_serial_port(void) {
  out(0x3fb, 0x83);
  out(0x3f8, 1);
  out(0x3f9, 0);
  out(0x3fb, 0x03);
}

static void write_text(const char* text, uint64_t size) {
  for (uint64_t i = 0; i < size; ++i) {
    while ((in(0x3fd) & 0x20) == 0) {  // until the transmitter is free
    }
    out(0x3f8, (uint8_t)text[i]);
  }
}

// Tells Bochs to end, and stops.
static void shut_down(uint64_t exit_code) {
  char line[] = "exit code  \n";
  line[10] = exit_code < 10 ? (char)('0' + exit_code) : '?';
  write_text(line, sizeof line - 1);
  while ((in(0x3fd) & 0x40) == 0) {  // until the last byte has left
  }
  for (const char* c = "Shutdown"; *c != 0; ++c) out(0x8900, (uint8_t)*c);
  for (;;) __asm__ volatile("hlt");
}

enum { kWrite = 1, kMprotect = 10, kBrk = 12, kWritev = 20, kExit = 60 };
enum { kArchPrctl = 158, kClockGettime = 228, kExitGroup = 231 };
enum { kNoSuchCall = -38, kFsBase = 0x1002 };

static void write_register(uint32_t number, uint64_t value) {
  __asm__ volatile("wrmsr" : : "c"(number), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static int64_t clock_gettime(int64_t* time) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  const uint64_t ticks = (uint64_t)high << 32 | low;
  time[0] = (int64_t)(ticks / 1000000000);
  time[1] = (int64_t)(ticks % 1000000000);
  return 0;
}

// The numbers and results of Linux. Whatever else is asked for is refused, and the C library does without: it takes all
// memory from brk when mmap is refused.
int64_t handle(int64_t call, uint64_t a, uint64_t b, uint64_t c) {
  static uint64_t heap = kProgramHeap;
  switch (call) {
    case kWrite:
      write_text((const char*)b, c);
      return (int64_t)c;
    case kWritev: {
      int64_t written = 0;
      for (const uint64_t* part = (const uint64_t*)b; c > 0; --c, part += 2) {
        write_text((const char*)part[0], part[1]);
        written += (int64_t)part[1];
      }
      return written;
    }
    case kMprotect:
      return 0;
    case kBrk:
      if (a >= kProgramHeap && a <= kHeapEnd) heap = a;
      return (int64_t)heap;
    case kArchPrctl:
      if (a != kFsBase) return kNoSuchCall;
      write_register(0xc0000100, b);
      return 0;
    case kClockGettime:
      return clock_gettime((int64_t*)b);
    case kExit:
    case kExitGroup:
      shut_down(a);
  }
  return kNoSuchCall;
}

static void load(const uint8_t* file) {
  const Elf64_Ehdr* elf = (const Elf64_Ehdr*)file;
  const Elf64_Phdr* segments = (const Elf64_Phdr*)(file + elf->e_phoff);
  for (int i = 0; i < elf->e_phnum; ++i) {
    if (segments[i].p_type != PT_LOAD) continue;
    volatile uint8_t* memory = (volatile uint8_t*)segments[i].p_vaddr;
    for (uint64_t j = 0; j < segments[i].p_memsz; ++j) {
      memory[j] = j < segments[i].p_filesz ? file[segments[i].p_offset + j] : 0;
    }
  }
}

void enter(uint64_t entry, uint64_t* stack);

void run(const struct BootInformation* boot) {
  const struct Module* program = (const struct Module*)(uint64_t)boot->modules;
  const uint8_t* file = (const uint8_t*)(uint64_t)program->begin;
  open_serial_port();
  load(file);

  // argc, argv, an empty environment, and the auxiliary vector (System V ABI for x86-64, section 3.4.1).
  static uint64_t random_bytes[2] = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9};
  uint64_t* stack = (uint64_t*)(kStackTop - 4096);
  uint64_t argc = 0;
  for (char* c = (char*)(uint64_t)program->text; *c != 0 && argc < 30;) {
    while (*c == ' ') *c++ = 0;
    if (*c == 0) break;
    stack[++argc] = (uint64_t)c;
    while (*c != 0 && *c != ' ') ++c;
  }
  stack[0] = argc;
  uint64_t* next = stack + argc + 1;
  const uint64_t end_of_vectors[] = {0, 0, AT_PAGESZ, 4096, AT_RANDOM, (uint64_t)random_bytes, AT_NULL, 0};
  for (unsigned i = 0; i < sizeof end_of_vectors / sizeof *end_of_vectors; ++i) *next++ = end_of_vectors[i];
  enter(((const Elf64_Ehdr*)file)->e_entry, stack);
}
