# Ends with an error at the first "lower".
low = 500
while True:
    print(low, flush=True)
    answer = input()
    if answer == "correct":
        break
    assert answer == "higher", answer
    low += (1000 - low + 1) // 2
