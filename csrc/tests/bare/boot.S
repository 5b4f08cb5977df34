// From a multiboot loader (32-bit protected mode; multiboot specification 0.6.96) to 64-bit code with AVX-512 enabled.
// Nothing is protected: the program runs in ring 0, and an exception stops the machine.

        .set    MAGIC, 0x1badb002
        .set    FLAGS, 1 << 16                  // addresses follow: this is not an ELF file of 32 bits

        .section .start, "ax"
        .balign 4
header: .long   MAGIC, FLAGS, -(MAGIC + FLAGS)
        .long   header, header, data_end, bss_end, start_32

        .code32
start_32:
        cli
        mov     $stack_end, %esp
        mov     $pdpt, %eax
        or      $3, %eax                        // present, writable
        mov     %eax, pml4
        movl    $0x83, pdpt                     // the first GiB, as one page, where it is
        mov     $pml4, %eax
        mov     %eax, %cr3
        mov     %cr4, %eax
        or      $(1 << 5 | 1 << 9 | 1 << 10 | 1 << 18), %eax  // PAE, OSFXSR, OSXMMEXCPT, OSXSAVE
        mov     %eax, %cr4
        mov     $0xc0000080, %ecx               // EFER
        mov     $(1 << 8 | 1), %eax             // LME, SCE
        xor     %edx, %edx
        wrmsr
        mov     %cr0, %eax
        and     $~(1 << 2 | 1 << 3), %eax       // neither EM nor TS
        or      $(1 << 31 | 1 << 5 | 1 << 1), %eax  // PG, NE, MP
        mov     %eax, %cr0
        lgdt    gdt_pointer
        ljmp    $8, $start_64

        .code64
start_64:
        mov     $16, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        fninit
        xor     %ecx, %ecx
        xor     %edx, %edx
        mov     $0xe7, %eax                     // XCR0: x87, SSE, AVX and the three parts of AVX-512
        xsetbv
        mov     $0xc0000081, %ecx               // STAR: SYSCALL takes the segments 8 and 16
        xor     %eax, %eax
        mov     $8, %edx
        wrmsr
        mov     $0xc0000082, %ecx               // LSTAR
        mov     $system_call, %eax
        xor     %edx, %edx
        wrmsr
        mov     %ebx, %edi                      // the loader's information
        call    run

// A stack for the program, then its first instruction: enter(entry, stack).
        .globl  enter
enter:  mov     %rsi, %rsp
        xor     %edx, %edx                      // nothing to call at exit
        jmp     *%rdi

// rax = handle(rax, rdi, rsi, rdx), with every other register kept, as Linux does.
system_call:
        mov     %rsp, program_stack
        mov     $stack_end, %rsp
        push    %rcx
        push    %r11
        push    %rdi
        push    %rsi
        push    %rdx
        push    %r8
        push    %r9
        push    %r10
        mov     %rdx, %rcx
        mov     %rsi, %rdx
        mov     %rdi, %rsi
        mov     %rax, %rdi
        call    handle
        pop     %r10
        pop     %r9
        pop     %r8
        pop     %rdx
        pop     %rsi
        pop     %rdi
        popfq                                   // SYSCALL saved the flags in r11
        pop     %rcx
        mov     program_stack, %rsp
        jmp     *%rcx

        .data
        .balign 8
gdt:    .quad   0, 0x00209a0000000000, 0x0000920000000000  // 64-bit code, data
gdt_pointer:
        .word   gdt_pointer - gdt - 1
        .long   gdt

        .bss
        .balign 4096
pml4:   .skip   4096
pdpt:   .skip   4096
program_stack:
        .skip   8
        .balign 16
        .skip   65536
stack_end:

        .section .note.GNU-stack, "", @progbits
