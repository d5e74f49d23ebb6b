import Base
import SupervisorCore
import Wire

/// A caller of revision 2026-07-28: every request stands alone.
final class ModernClient: SimClient {
    /// Requests that were sent away with questions, which this client will answer.
    private var returning: [Exchange] = []

    override func act() {
        self.disturb()
        guard self.wantsToAct, let connection = self.connection() else { return }
        self.profile.budget -= 1
        if let origin = self.returning.popLast() { return self.comeBack(origin, connection) }
        switch self.random.below(16) {
        case 0: self.discover(connection)
        case 1: self.list(connection)
        case 2: self.listen()
        default: _ = self.call(connection, server: self.random.below(self.world.configuration.servers.count))
        }
    }

    /// One `tools/call`. Always well-formed.
    func call(_ connection: ClientConnection, server: Int) -> Exchange {
        let token = self.random.below(3) == 0 ? self.random.one(of: ["1", "\"1\"", "\"token\"", "1048577"]) : ""
        let exchange = self.exchange(.call, server: server, id: self.id(), progressToken: token)
        exchange.wantsLogs = self.random.below(4) == 0
        let arguments = self.arguments(exchange)
        var meta = token.isEmpty ? "" : ",\"progressToken\":\(token)"
        if exchange.wantsLogs { meta += ",\"io.modelcontextprotocol/logLevel\":\"debug\"" }
        exchange.canAnswer = self.random.flip()
        let envelope = RequestText.modernMeta(meta, canAnswer: exchange.canAnswer)
        let params = "{\"name\":\"echo\",\"arguments\":\(arguments),\(envelope)}"
        self.send(exchange, on: connection, method: "tools/call", params: params, headers: [("Mcp-Name", "echo")])
        return exchange
    }

    /// The same request again, with the answers to what its client was sent away with; to some of it, to nothing, or once more.
    private func comeBack(_ origin: Exchange, _ connection: ClientConnection) {
        guard let required = origin.required else { return }
        let token = self.random.below(3) == 0 ? "\"again\"" : ""
        let exchange = self.exchange(.call, server: origin.server, id: self.id(), progressToken: token)
        exchange.origin = origin.origin ?? origin
        exchange.arguments = origin.arguments
        exchange.canAnswer = true
        var answers: [String] = []
        for question in required["inputRequests"]?.objectValue ?? [] where self.random.below(6) != 0 {
            let answer = self.random.one(of: [
                "{\"action\":\"accept\",\"content\":{\"a\":1}}", "{\"action\":\"decline\"}", "{\"action\":\"cancel\"}",
            ])
            answers.append("\"\(question.key)\":\(answer)")
        }
        let arguments = String(decoding: origin.arguments, as: UTF8.self)
        let meta = RequestText.modernMeta(token.isEmpty ? "" : ",\"progressToken\":\(token)", canAnswer: true)
        let params =
            "{\"name\":\"echo\",\"arguments\":\(arguments),\"inputResponses\":{\(answers.joined(separator: ","))},"
            + "\"requestState\":\(required["requestState"] ?? .null),\(meta)}"
        self.send(exchange, on: connection, method: "tools/call", params: params, headers: [("Mcp-Name", "echo")])
    }

    override func exchangeEnded(_ exchange: Exchange, _ head: ResponseParser.Head?) {
        // One that lost the answer to its retry sends the same again.
        let again = exchange.outcome == .cut ? exchange.origin : nil
        guard exchange.required != nil || again?.required != nil else { return }
        for _ in 0..<self.random.one(of: [0, 1, 1, 1, 1, 2]) {
            self.returning.append(exchange.required == nil ? again ?? exchange : exchange)
        }
    }

    private func list(_ connection: ClientConnection) {
        let exchange = self.exchange(.list, server: self.random.below(self.world.configuration.servers.count), id: self.id())
        self.send(exchange, on: connection, method: "tools/list", params: "{\(RequestText.modernMeta(""))}")
    }

    private func discover(_ connection: ClientConnection) {
        let exchange = self.exchange(.local, server: self.random.below(self.world.configuration.servers.count), id: self.id())
        self.send(exchange, on: connection, method: "server/discover", params: "{\(RequestText.modernMeta(""))}")
    }

    /// On a connection of its own, since nothing else can be asked there before the stream ends.
    private func listen() {
        guard let connection = self.connect() else { return }
        let exchange = self.exchange(.listen, server: self.random.below(self.world.configuration.servers.count), id: self.id())
        let params = "{\"notifications\":{\"toolsListChanged\":true,\"promptsListChanged\":true},\(RequestText.modernMeta(""))}"
        self.send(exchange, on: connection, method: "subscriptions/listen", params: params)
    }

    private func send(
        _ exchange: Exchange, on connection: ClientConnection, method: String, params: String, headers: [(String, String)] = []
    ) {
        let id = String(decoding: exchange.id, as: UTF8.self)
        var request = RequestText.post(
            self.world.path(exchange.server, &self.random),
            "{\"jsonrpc\":\"2.0\",\"id\":\(id),\"method\":\"\(method)\",\"params\":\(params)}")
        request.fields += [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", method)] + headers
        self.dress(&request, exchange)
        connection.send(exchange, request.bytes)
    }
}

extension SimClient {
    /// One of the equivalent forms that HTTP has for the same request.
    func dress(_ request: inout RequestText, _ exchange: Exchange) {
        switch self.random.below(10) {
        case 0: request.minorVersion = 0
        case 1: request.form = .chunked
        case 2: request.form = .expecting
        default: break
        }
        // Not below what a body of the smallest chunks may be made of.
        request.chunkBytes = self.random.size(32...4096)
        request.closes = self.random.below(12) == 0 || request.minorVersion == 0 && self.random.flip()
        exchange.closes = request.closes
        exchange.bodyBytes = request.body.count
    }
}
