for guess in range(1, 1001):
    print(guess, flush=True)
    try:
        answer = input()
    except EOFError:  # the validator has ended
        break
    if answer == "correct":
        break
