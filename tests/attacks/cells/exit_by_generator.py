# attack: GeneratorExit leaves the model while it is called
# against: number
# expect: no-value
def model(x):
    raise GeneratorExit
