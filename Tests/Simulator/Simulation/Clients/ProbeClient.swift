import Base
import SupervisorCore

/// Asks for health and readiness as load balancers do, and for preflights as browsers do.
final class ProbeClient: SimClient {
    override func act() {
        self.disturb()
        guard self.wantsToAct, let connection = self.connection() else { return }
        self.profile.budget -= 1
        if !self.world.configuration.cors.origins.isEmpty, self.random.below(3) == 0 { return self.preflight(connection) }
        let isReady = self.random.flip()
        let exchange = self.exchange(.health(isReady: isReady))
        exchange.isHead = self.random.below(4) == 0
        var request = RequestText(method: exchange.isHead ? "HEAD" : "GET", path: isReady ? "/ready" : "/health")
        self.dress(&request, exchange)
        connection.send(exchange, request.bytes)
    }

    private func preflight(_ connection: ClientConnection) {
        let exchange = self.exchange(.preflight)
        var request = RequestText(method: "OPTIONS", path: "/mcp")
        request.fields = [
            ("Origin", "https://app.example.com"), ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", "content-type, mcp-session-id"),
        ]
        connection.send(exchange, request.bytes)
    }
}
