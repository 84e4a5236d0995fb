"""M/M/8 at load 0.9 in SimPy. Prints seconds of processor time and the mean wait of the customers after the warm-up."""

import random
import sys
import time

import simpy

RATE, SERVERS, WARM_UP = 7.2, 8, 1000.0


def customer(env, servers, draw, waits):
    came = env.now
    with servers.request() as turn:
        yield turn
        if came >= WARM_UP:
            waits.append(env.now - came)
        yield env.timeout(draw(1.0))


def source(env, servers, customers, draw, waits):
    for _ in range(customers):
        yield env.timeout(draw(RATE))
        env.process(customer(env, servers, draw, waits))


customers, seed = int(sys.argv[1]), int(sys.argv[2])
draw = random.Random(seed).expovariate
env = simpy.Environment()
waits = []
began = time.process_time()
env.process(source(env, simpy.Resource(env, SERVERS), customers, draw, waits))
env.run()
print(time.process_time() - began, sum(waits) / len(waits))
