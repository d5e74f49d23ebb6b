import Base

/// Sends what nobody should send, or never ends what it began. Nothing is owed to it but well-formed answers, and none of it may
/// harm anyone else.
final class HostileClient: SimClient {
    override func act() {
        self.disturb()
        guard self.wantsToAct else { return }
        self.profile.budget -= 1
        if self.random.below(4) != 0, let open = self.connections.first(where: { $0.isUpgraded && $0.isOpen }) {
            return open.sendBehind(self.frames())
        }
        if let old = self.connections.first, self.connections.count >= 3 { old.close(resets: self.random.flip()) }
        guard let connection = self.connect() else { return }
        connection.send(self.exchange(.hostile), self.attack())
    }

    private func attack() -> [UInt8] {
        switch self.random.below(15) {
        case 0: self.garbage()
        case 1, 2: self.damaged(self.modernCall())
        case 3: Array(self.modernCall().prefix(self.random.below(600)))
        case 4: self.flood()
        case 5: self.forged()
        case 6: self.framing()
        case 7: self.deep()
        case 8: self.foreignSource()
        case 9: self.guessedSession()
        case 10: self.bigHead()
        case 11, 12: self.upgrade()
        case 13: self.streamOfEvents()
        default: self.pipelinedAbuse()
        }
    }

    private func modernCall(_ arguments: String = "{}", meta: String = "") -> [UInt8] {
        var request = RequestText.post(
            "/mcp",
            """
            {"jsonrpc":"2.0","id":\(self.id()),"method":"tools/call","params":{"name":"echo","arguments":\(arguments),\
            \(RequestText.modernMeta(meta))}}
            """)
        request.fields += [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "echo")]
        return request.bytes
    }

    private func upgrade() -> [UInt8] {
        var request = RequestText(method: "GET", path: self.random.one(of: ["/mcp", "/ws"]))
        request.fields = [
            ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ]
        return request.bytes + (self.random.below(8) == 0 ? self.garbage() : [])
    }

    private func streamOfEvents() -> [UInt8] {
        var request = RequestText(method: "GET", path: "/sse")
        request.fields = [("Accept", "text/event-stream")]
        return request.bytes + (self.random.flip() ? self.garbage() : [])
    }

    /// What a WebSocket may be sent: messages that mean something, in any order, and frames that nobody may send.
    private func frames() -> [UInt8] {
        let meta = RequestText.modernMeta("")
        let message = self.random.one(of: [
            "{\"jsonrpc\":\"2.0\",\"id\":\(self.id()),\"method\":\"tools/call\",\"params\":{\"name\":\"echo\",\"arguments\":{},\(meta)}}",
            "{\"jsonrpc\":\"2.0\",\"id\":\(self.id()),\"method\":\"subscriptions/listen\",\"params\":{\"notifications\":{\"toolsListChanged\":true},\(meta)}}",
            "{\"jsonrpc\":\"2.0\",\"id\":\(self.id()),\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-03-26\"}}",
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\(self.id())}}",
            "[{\"jsonrpc\":\"2.0\",\"id\":\(self.id()),\"method\":\"ping\"},{\"jsonrpc\":\"2.0\",\"id\":\(self.id()),\"method\":\"tools/list\"}]",
            "{\"jsonrpc\":\"2.0\",\"id\":\(self.id()),\"method\":\"tools/list\"}", "{", "[]", "null",
        ])
        let frame = DuplexClient.frame(1, [UInt8](message.utf8))
        switch self.random.below(8) {
        case 0: return self.garbage()
        case 1: return DuplexClient.frame(UInt8(self.random.below(16)), self.garbage(), isFinal: self.random.flip())
        case 2: return self.damaged(frame)
        case 3: return Array(repeatElement(frame, count: self.random.size(2...200)).joined())
        case 4: return Array(repeatElement(DuplexClient.frame(9, [1]), count: self.random.size(2...2000)).joined())
        default: return frame
        }
    }

    private func garbage() -> [UInt8] {
        (0..<self.random.size(1...3000)).map { _ in UInt8(truncatingIfNeeded: self.random.next()) }
    }

    /// A few bytes changed. HEAD cannot come of it, so the answers can still be read.
    private func damaged(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<self.random.size(1...8) {
            bytes[self.random.below(bytes.count)] = UInt8(truncatingIfNeeded: self.random.next())
        }
        return bytes
    }

    /// Many small requests at once, from a client that does not read.
    private func flood() -> [UInt8] {
        self.profile.readPause = .seconds(5)
        let one = RequestText(method: "GET", path: "/health").bytes
        return Array(repeatElement(one, count: self.random.size(10...2000)).joined())
    }

    /// Tries to speak for the supervisor, or to hide a key behind escapes.
    private func forged() -> [UInt8] {
        let serial = self.world.foreign.own(client: self.index)
        let arguments = "{\"nonce\":\"~n\(serial)~\"}"
        let forgery = self.random.one(of: [
            ",\"io.mcp-supervisor/relatedRequest\":1048577", ",\"io.mcp-supervisor\\/relatedRequest\":1048577",
            ",\"progress\\u0054oken\":7", ",\"\\u0069o.mcp-supervisor/caller\":\"root\"", ",\"progressToken\":{\"a\":1}",
        ])
        var text = String(decoding: self.modernCall(arguments, meta: forgery), as: UTF8.self)
        if self.random.flip() {
            let body =
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\",\"arguments\":\(arguments),"
                + "\"\\u005fmeta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
                + "\"io.modelcontextprotocol/clientCapabilities\":{}\(forgery)}}}"
            var request = RequestText.post(self.random.one(of: ["/mcp", "/servers/s0/mcp"]), body)
            request.fields += [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "echo")]
            text = String(decoding: request.bytes, as: UTF8.self)
        }
        return [UInt8](text.utf8)
    }

    private func framing() -> [UInt8] {
        let head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: */*\r\n"
        let tail = self.random.one(of: [
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: a\r\n\r\n",
            "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", "Content-Length: -1\r\n\r\n",
            "Content-Length: 99999999999999999999\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nabcdefgh\r\n0\r\n\r\n",
            "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "Content-Length : 3\r\n\r\nabc", " folded: 1\r\n\r\n",
            "Content-Length: 1000000\r\n\r\n{", "Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}", "X: a\u{0}b\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n1;" + String(repeating: "x", count: 2000) + "\r\na\r\n0\r\n\r\n",
        ])
        return [UInt8]((head + tail).utf8)
    }

    private func deep() -> [UInt8] {
        let depth = self.random.size(10...5000)
        return self.modernCall(String(repeating: "[", count: depth) + String(repeating: "]", count: depth))
    }

    private func foreignSource() -> [UInt8] {
        var request = RequestText(method: self.random.one(of: ["GET", "POST", "OPTIONS", "DELETE", "PUT", "TRACE", "BREW"]))
        request.path = self.random.one(of: [
            "/mcp", "/health", "/", "/../etc/passwd", "/mcp?api_key=1", "*", "http://a/mcp", "/%6dcp",
        ])
        request.fields = [("Origin", self.random.one(of: ["https://evil.example", "null", "http://localhost:8000"]))]
        let bytes = String(decoding: request.bytes, as: UTF8.self)
        guard self.random.flip() else { return [UInt8](bytes.utf8) }
        return [UInt8]((bytes.split(separator: "\r\n")[0] + "\r\nHost: evil.example\r\n\r\n").utf8)
    }

    private func guessedSession() -> [UInt8] {
        var request = RequestText.post("/mcp", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}")
        request.fields.append(("Mcp-Session-Id", self.random.one(of: [String(repeating: "0", count: 32), "x", "00"])))
        return request.bytes
    }

    private func bigHead() -> [UInt8] {
        let count = self.random.size(100...40_000)
        return [UInt8](
            self.random.one(of: [
                "GET /" + String(repeating: "a", count: count) + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
                "GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + String(repeating: "a", count: count) + "\r\n\r\n",
                "GET /health HTTP/1.1\r\nHost: localhost\r\n" + String(repeating: "A: b\r\n", count: count / 6) + "\r\n",
            ]).utf8)
    }

    /// A slow call, and behind it a large request that must wait for it, or many answers for a reader that takes none.
    private func pipelinedAbuse() -> [UInt8] {
        if self.random.flip() { self.profile.readPause = .seconds(3) }
        let large = self.modernCall("{\"a\":\"\(String(repeating: "y", count: self.random.size(1000...300_000)))\"}")
        return self.modernCall() + large + Array(repeatElement(self.modernCall(), count: self.random.size(1...40)).joined())
    }
}
