import Base
import SupervisorCore

/// What `run` prints for people once clients may come: where to connect, and a line to try that really works here.
struct Announcement {
    let endpoints: [Endpoint]
    let hosts: HostSettings

    var text: String {
        var text = "mcp-supervisor \(Product.version) is ready.\n"
        for endpoint in self.endpoints { text += "  \(Self.name(of: endpoint))\n" }
        return text + self.advice
    }

    private static func name(of endpoint: Endpoint) -> String {
        switch endpoint.bound {
        case .tcp: "http://\(endpoint.bound)/mcp"
        case .unix, .inherited: "\(endpoint.asked)"
        }
    }

    private var advice: String {
        for endpoint in self.endpoints {
            guard let target = self.target(endpoint) else { continue }
            let credential = endpoint.requiresCredential ? " -H 'Authorization: Bearer YOUR_KEY'" : ""
            return """
                Try it:
                  curl -s \(target)\(credential) \\
                    -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' \\
                    -H 'MCP-Protocol-Version: 2026-07-28' -H 'Mcp-Method: tools/list' \\
                    -d '\(Self.request)'

                """
        }
        guard self.hosts.names.isEmpty else { return "" }
        return """
            Requests are answered 403 until the names that clients use stand in the configuration, such as
              "hosts": ["auto", "mcp.example.com"]

            """
    }

    private static let request = """
        {"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{\
        "io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}
        """

    /// The URL for curl, with what else it needs to get there and past the Host check. Nil where nothing would.
    private func target(_ endpoint: Endpoint) -> String? {
        switch endpoint.bound {
        case .tcp(let address, let port):
            if !address.isUnspecified, self.hosts.includesListeners { return "http://\(endpoint.bound)/mcp" }
            // Any address of the machine; from here the loopback one always works.
            let reached = !address.isUnspecified ? address : address.isV4 ? .loopbackV4 : .loopbackV6
            return self.hostField.map { "http://\(ListenAddress.tcp(reached, port: port))/mcp\($0)" }
        case .unix:
            // Of an inherited socket the path is not known.
            guard case .unix(let path) = endpoint.asked else { return nil }
            let field = self.hosts.includesListeners ? "" : self.hostField
            return field.map { "--unix-socket '\(path)' http://localhost/mcp\($0)" }
        case .inherited: return nil
        }
    }

    /// A name that the operator listed.
    private var hostField: String? { self.hosts.names.first.map { " -H 'Host: \($0)'" } }
}
