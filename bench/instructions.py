#!/usr/bin/python3
"""How many instructions the kernels take on 64-bit Arm, beside AVX2.

    bench/instructions.py [DIM...] [KERNEL...]      all, of 768 dimensions

Needs gcc, gcc-aarch64-linux-gnu and qemu-user; no Arm machine.  An emulator runs
each kernel and logs every instruction; that is no time, but neither does it
depend on how busy the machine is.  Printed are instructions for each dimension
and pair of vectors (to pack: for each dimension of a column; nearest: for each
value), and in brackets how many times those of AVX2.  A star is where that is
above the kernel's limit; then the script fails.
"""
import os
import subprocess
import sys
import tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
TABLES = ("avx2", "neon", "neon_dotprod", "neon_i8mm")
DIMS = (768,)
CALLS = 2

# Registers are half as wide: what has no instruction of its own to make up for
# that takes twice as many, and some more.  Where there are dot products of
# bytes, products of bytes have one.
LIMIT = 2.6
LIMIT_PRODUCTS = 1.3
PRODUCTS = ("ip_u8", "ip_split_u8", "ip_u8_u4", "ip_u4", "block",
            "narrow_block")


def emulator(table):
    """The machine that a table is for: a compiler, and what runs programs."""
    if table == "avx2":
        return "gcc", ["qemu-x86_64", "-cpu", "max"]
    return "aarch64-linux-gnu-gcc", ["qemu-aarch64", "-cpu", "max"]


def build(compiler, folder):
    """The program, linked so that an emulator needs no libraries."""
    program = os.path.join(folder, compiler)
    sources = [os.path.join(TOP, "src", "distance", name)
               for name in os.listdir(os.path.join(TOP, "src", "distance"))
               if name.endswith(".c")]
    subprocess.run([compiler, "-std=gnu11", "-O2", "-static", "-o", program,
                    os.path.join(TOP, "bench", "instructions.c"), *sources,
                    "-lm"], check=True)
    return program


def count(emulate, program, arguments):
    """Instructions from the start of a program to its end."""
    receive, send = os.pipe()
    # one instruction at a time, each of which is a line
    process = subprocess.Popen(
        [*emulate, "-singlestep", "-d", "exec,nochain",
         "-D", f"/proc/self/fd/{send}", program, *arguments],
        pass_fds=(send,))
    os.close(send)
    lines = 0
    with os.fdopen(receive, "rb") as log:
        while text := log.read(1 << 20):
            lines += text.count(b"\n")
    if process.wait() != 0:
        raise SystemExit(f"{program} {' '.join(arguments)} failed")
    return lines


def count_calls(programs, table, kernel, dim):
    """Instructions of one call: the difference that CALLS more of them make."""
    compiler, emulate = emulator(table)
    few, many = (count(emulate, programs[compiler],
                       [table, kernel, str(dim), str(calls)])
                 for calls in (1, 1 + CALLS))
    return (many - few) / CALLS


def count_kernel(programs, table, kernel, dim):
    """The same without what calls it."""
    return count_calls(programs, table, kernel, dim) - \
        count_calls(programs, table, "nothing", dim)


def main():
    dims = [int(word) for word in sys.argv[1:] if word.isdigit()] or DIMS
    wanted = [word for word in sys.argv[1:] if not word.isdigit()]
    exceeded = 0
    with tempfile.TemporaryDirectory() as folder:
        programs = {compiler: build(compiler, folder)
                    for compiler in {emulator(table)[0] for table in TABLES}}
        kernels = [line.split() for line in subprocess.run(
            [programs["gcc"]], capture_output=True, check=True,
            text=True).stdout.splitlines()]
        kernels = [(kernel, numbers) for kernel, numbers in kernels
                   if kernel in wanted or not wanted and kernel != "nothing"]
        for dim in dims:
            print(f"{f'{dim} dimensions':16}",
                  *(f"{table:>16}" for table in TABLES))
            for kernel, numbers in kernels:
                limit = LIMIT_PRODUCTS if kernel in PRODUCTS else LIMIT
                first = None
                cells = []
                for table in TABLES:
                    each = count_kernel(programs, table, kernel, dim) / \
                        (dim * int(numbers))
                    if first is None:
                        first = each
                    ratio = each / first
                    exceeded += ratio > limit
                    cells.append(f"{each:8.3f} ({ratio:4.2f})"
                                 f"{'*' if ratio > limit else ' '}")
                print(f"{kernel:16}", *cells, flush=True)
            print()
    return exceeded > 0


if __name__ == "__main__":
    sys.exit(main())
