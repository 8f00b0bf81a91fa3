/* Counts the primes below ten million with a bit per odd number. Prints the count at every power of ten, so that a
 * viewer receives lines while the program runs. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define LIMIT 10000000u

/* Bit i of the sieve represents the odd number 2 * i + 1; a set bit is a composite. */
static uint8_t *composite;

static int is_composite(uint32_t odd) {
    return composite[odd >> 4] >> ((odd >> 1) & 7) & 1;
}

static void mark(uint32_t odd) {
    composite[odd >> 4] |= (uint8_t)(1u << ((odd >> 1) & 7));
}

static void sieve(void) {
    for (uint32_t prime = 3; prime * prime < LIMIT; prime += 2) {
        if (is_composite(prime)) {
            continue;
        }
        for (uint32_t multiple = prime * prime; multiple < LIMIT; multiple += 2 * prime) {
            mark(multiple);
        }
    }
}

int main(void) {
    composite = calloc(LIMIT / 16 + 1, 1);
    if (composite == NULL) {
        perror("calloc");
        return 1;
    }
    sieve();
    uint32_t count = 1; /* 2, the only even one */
    uint32_t next_report = 10;
    uint32_t largest = 2;
    for (uint32_t odd = 3; odd < LIMIT; odd += 2) {
        if (odd > next_report) {
            printf("below %8" PRIu32 ": %6" PRIu32 " primes\n", next_report, count);
            fflush(stdout);
            next_report *= 10;
        }
        if (!is_composite(odd)) {
            count++;
            largest = odd;
        }
    }
    printf("below %8u: %6" PRIu32 " primes, the largest is %" PRIu32 "\n", LIMIT, count, largest);
    free(composite);
    return 0;
}
