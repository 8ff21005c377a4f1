import math, random

class HP:
    # search space is tiny so these matter
    POP = 24
    ELITE = 4
    MUTATION_RATE = 0.15
    CROSSOVER = 0.7
    GENERATIONS = 20
    GENOME_LENGTH = 30

class Log:
    ENABLED = False
    INTERVAL = 5

target = [int(c) for c in bin(0x2A5F3C71)[2:]]

def fitness(g):
    return sum(1 for a, b in zip(g, target) if a == b) / HP.GENOME_LENGTH

def breed(a, b, rnd):
    if rnd.random() < HP.CROSSOVER:
        cut = rnd.randrange(1, HP.GENOME_LENGTH)
        child = a[:cut] + b[cut:]
    else:
        child = a[:]
    return [1 - x if rnd.random() < HP.MUTATION_RATE else x for x in child]

def evolve():
    rnd = random.Random(99)
    pop = [[rnd.randint(0, 1) for _ in range(HP.GENOME_LENGTH)] for _ in range(HP.POP)]
    for gen in range(HP.GENERATIONS):
        pop.sort(key=fitness, reverse=True)
        if Log.ENABLED and gen % Log.INTERVAL == 0:
            print("gen", gen, fitness(pop[0]))
        parents = pop[:HP.ELITE]
        pop = parents + [breed(rnd.choice(parents), rnd.choice(parents), rnd) for _ in range(HP.POP - HP.ELITE)]
    return max(map(fitness, pop))

print("fitness:", evolve())
