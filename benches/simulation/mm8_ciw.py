"""M/M/8 at load 0.9 in Ciw. Prints seconds of processor time and the mean wait of the customers after the warm-up."""

import sys
import time

import ciw

RATE, SERVERS, WARM_UP = 7.2, 8, 1000.0

customers, seed = int(sys.argv[1]), int(sys.argv[2])
network = ciw.create_network(
    arrival_distributions=[ciw.dists.Exponential(rate=RATE)],
    service_distributions=[ciw.dists.Exponential(rate=1.0)],
    number_of_servers=[SERVERS],
)
ciw.seed(seed)
simulation = ciw.Simulation(network)
began = time.process_time()
simulation.simulate_until_max_customers(customers)
elapsed = time.process_time() - began
waits = [record.waiting_time for record in simulation.get_all_records() if record.arrival_date >= WARM_UP]
print(elapsed, sum(waits) / len(waits))
