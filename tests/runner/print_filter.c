/* Prints the filter of the jobs of a cell: one instruction per line. */
#include "cell/strict_filter.h"

#include <stdio.h>

int main(void)
{
    static struct strict_filter filter;
    if (!compile_strict_filter(&filter))
        return 1;
    for (unsigned i = 0; i < filter.length; i++)
        printf("%u %u %u %u\n", filter.code[i].code, filter.code[i].jt, filter.code[i].jf, filter.code[i].k);
    return 0;
}
