#!/usr/bin/env bash
# Runs the kernels' tests on an emulated processor with AVX-512 and VNNI (Ice Lake, in Bochs), to compare their bits on
# a machine that has none. Options go to kernel_tests: --percent 100 runs all cases, --test and --case a single one.
#
# Wants Debian's packages bochs, bochs-term, isolinux, syslinux-common and xorriso, cmake, ninja, and a compiler that
# links statically. All that it makes lies in build/emulate. It takes minutes: an emulated instruction costs a hundred.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly FOLDER=build/emulate
readonly ISOLINUX=/usr/lib/ISOLINUX/isolinux.bin
readonly MODULES=/usr/lib/syslinux/modules/bios

fail() {
  echo "emulate_avx512.sh: $1" >&2
  exit 1
}

for tool in bochs xorriso cmake ninja objcopy; do
  command -v "$tool" >/dev/null || fail "there is no $tool; the head of this script names what it wants"
done
for file in "$ISOLINUX" "$MODULES/mboot.c32"; do
  [ -e "$file" ] || fail "there is no $file; the head of this script names what it wants"
done

# The tests as one static program, and the machine that it believes to be Linux.
cmake -S . -B "$FOLDER" -G Ninja -DSAMPAN_BUILD_TESTS=ON -DCMAKE_EXE_LINKER_FLAGS=-static >/dev/null
cmake --build "$FOLDER" --target kernel_tests -- --quiet
"${CC:-cc}" -O2 -ffreestanding -fno-pic -no-pie -fno-stack-protector -mno-red-zone -mgeneral-regs-only \
  -fcf-protection=none -static -nostdlib -Wl,-T,csrc/tests/bare/machine.ld -Wl,--build-id=none,--no-warn-rwx-segments \
  csrc/tests/bare/boot.S csrc/tests/bare/machine.c -o "$FOLDER/machine.elf"

# A CD that starts both.
rm -rf "$FOLDER/cd"
mkdir "$FOLDER/cd"
objcopy -O binary "$FOLDER/machine.elf" "$FOLDER/cd/machine"
objcopy --strip-all "$FOLDER/kernel_tests" "$FOLDER/cd/tests"
cp "$ISOLINUX" "$MODULES"/{ldlinux,libcom32,mboot}.c32 "$FOLDER/cd/"
printf 'default tests\nlabel tests\n  kernel mboot.c32\n  append machine --- tests --isa avx512 %s\n' \
  "${*:---percent 10}" >"$FOLDER/cd/isolinux.cfg"
xorriso -as mkisofs -quiet -o "$FOLDER/cd.iso" -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 \
  -boot-info-table "$FOLDER/cd" 2>/dev/null

cd "$FOLDER"
cat >bochsrc <<'END'
display_library: term
cpu: model=corei7_icelake_u, ips=50000000, reset_on_triple_fault=0
megs: 512
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0-master: type=cdrom, path=cd.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=serial.txt
log: bochs.log
panic: action=fatal
END
printf 'continue\nquit\n' >debugger_commands # Debian's Bochs starts in its debugger
: >serial.txt
TERM=xterm bochs -q -f bochsrc -rc debugger_commands </dev/null >console.txt 2>&1 &
bochs=$!
trap 'kill $bochs 2>/dev/null || true' EXIT

# Bochs opens a terminal for the screen and stops when nobody reads it.
until screen=$(sed -n 's/^Bochs connected to screen "\(.*\)"$/\1/p' console.txt) && [ -n "$screen" ]; do
  kill -0 $bochs 2>/dev/null || fail "Bochs ended early; see $FOLDER/console.txt"
  sleep 0.1
done
cat "$screen" >/dev/null 2>&1 &

tail -f --pid=$bochs serial.txt
grep -q '^exit code 0' serial.txt || fail "the tests did not end well; see $FOLDER/bochs.log"
