/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A 32-bit program for t_run.c, without any library: tries to change its own constants and code. Exit status
 * 0: it could, 1 if all were EPERM, else 2. With an argument it waits for its standard input first.
 */
#define PAGE 4096

static const char rodata[3 * PAGE] __attribute__((aligned(PAGE))) = "constant";

static int call(int number, long a, long b, long c)
{
	int result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
	return result;
}

void _start(void);

__attribute__((used, noreturn)) static void begin(int argc)
{
	unsigned long text = ((unsigned long)&_start) & ~(PAGE - 1ul);
	char byte;
	int first, second;

	if (argc > 1)
		(void)call(3, 0, (long)&byte, 1);
	first = call(125, (long)(rodata + PAGE), PAGE, 3);
	second = call(125, (long)text, PAGE, 7);
	(void)call(1, first == 0 && second == 0 ? 0 : first == -1 && second == -1 ? 1 : 2, 0, 0);
	for (;;)
		;
}

__asm__(".globl _start\n_start: mov (%esp), %eax\n push %eax\n call begin\n");
