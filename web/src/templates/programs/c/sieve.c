// title: Prime sieve
// about: Prints the primes below the number in its argument
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    int limit = argc > 1 ? atoi(argv[1]) : 100;
    char *composite = calloc((size_t)limit + 1, 1);
    for (int n = 2; n <= limit; n++) {
        if (composite[n]) continue;
        printf("%d ", n);
        for (long long m = (long long)n * n; m <= limit; m += n) composite[m] = 1;
    }
    printf("\n");
    free(composite);
    return 0;
}
