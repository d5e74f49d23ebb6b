-- The one request of a load run, sent as fast as answers come. Its head fields and body are files, so that every peer gets
-- what it asks for:
--     wrk … -s load.lua http://127.0.0.1:PORT -- FIELDS-FILE BODY-FILE [numbered]
-- FIELDS-FILE: one "Name: value" per line. The result is one JSON object on the last line. `numbered` gives every call an id
-- of its own, which a session that all connections share needs; it costs Lua some µs per call, so only a slow peer is loaded
-- that way.
local function contents(path)
    local file = assert(io.open(path, "rb"))
    local bytes = file:read("*a")
    file:close()
    return bytes
end

function init(arguments)
    wrk.method = "POST"
    wrk.path = "/mcp"
    for name, value in contents(arguments[1]):gmatch("([^:\n]+): ([^\n]*)") do
        wrk.headers[name] = value
    end
    wrk.body = contents(arguments[2]) -- wrk formats the request once after this; nothing of Lua runs per call
    if arguments[3] == "numbered" then
        local before, after = wrk.body:match('^(.-"id":)1(,.*)$')
        local number = 100000000 -- a fixed width, so that Content-Length stays the same
        request = function()
            number = number + 1
            return wrk.format(nil, nil, nil, before .. number .. after)
        end
    end
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        '{"calls":%d,"seconds":%.6f,"p50_us":%.0f,"p99_us":%.0f,"max_us":%.0f,"refused":%d,"broken":%d}\n',
        summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99), latency.max,
        errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
