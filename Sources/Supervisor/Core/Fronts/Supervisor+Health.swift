import Base
import MCP
import Wire

/// Liveness and readiness for load balancers and service managers. No detail beyond counts, so no credential is asked for.
extension Supervisor {
    mutating func answerHealth(_ key: ConnectionKey, at now: Instant) {
        let isReady = self.isReady
        let status: StaticString =
            switch self.lifecycle {
            case .starting: "starting"
            case .serving: isReady ? "healthy" : "degraded"
            case .draining, .stopped: "draining"
            }
        var ready = 0
        for worker in self.workers.keys where self.workers[worker].state == .ready { ready += 1 }
        var body: [UInt8] = [UInt8](#"{"status":""#)
        body.append(status)
        body.append(#"","version":""#)
        body.append(Product.version)
        body.append(#"","uptimeSeconds":"#)
        body.append(decimal: (now - self.startedAt).nanoseconds / 1_000_000_000)
        body.append(#","workers":{"ready":"#)
        body.append(decimal: Int64(ready))
        body.append(#","total":"#)
        body.append(decimal: Int64(self.servers.count { !$0.isRetired }))
        body.append(#"},"sessions":"#)
        body.append(decimal: Int64(self.sessions.count))
        body.append(#","connections":"#)
        body.append(decimal: Int64(self.connections.count))
        body.append("}\n")
        let asksReadiness = self.connections[key].exchange.route == .ready
        let headers = isReady || !asksReadiness ? HTTPFields() : Self.retryAfter(.seconds(1))
        self.respond(key, isReady || !asksReadiness ? 200 : 503, "application/json", headers: headers, body: body.span, at: now)
    }

    /// The default server's worker can answer, and no drain has begun.
    var isReady: Bool {
        guard self.lifecycle == .serving else { return false }
        guard let worker = self.servers[self.configuration.defaultServer].worker else { return false }
        return self.workers[worker].state == .ready
    }
}
