-- What wrk posts.
local file = io.open("benches/generators/body.json")
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "application/json"
file:close()
