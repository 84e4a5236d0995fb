// What k6 posts: a constant arrival rate from virtual users that are all there from the start.
import http from 'k6/http';

const body = open('body.json');

export const options = {
  discardResponseBodies: true,
  scenarios: {
    open: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.RATE),
      timeUnit: '1s',
      duration: `${__ENV.SECONDS}s`,
      preAllocatedVUs: 200,
      maxVUs: 200,
    },
  },
};

export default function () {
  http.post(__ENV.URL, body, { headers: { 'Content-Type': 'application/json' } });
}

export function handleSummary(data) {
  const count = (name) => (data.metrics[name] ? data.metrics[name].values.count : 0);
  const result = { done: count('iterations'), dropped: count('dropped_iterations') };
  return { [__ENV.OUT]: JSON.stringify(result) };
}
