import Base

/// Writes the requests of well-behaved clients.
struct RequestText {
    enum BodyForm {
        case length, chunked
        /// With `Expect: 100-continue`, the body sent without waiting.
        case expecting
    }

    var method = "POST"
    var path = "/mcp"
    var minorVersion = 1
    var closes = false
    var form = BodyForm.length
    var fields: [(String, String)] = []
    var body: [UInt8] = []
    /// Of the chunks, for `chunked`.
    var chunkBytes = 100

    var bytes: [UInt8] {
        var text = "\(self.method) \(self.path) HTTP/1.\(self.minorVersion)\r\nHost: 127.0.0.1:8000\r\n"
        for (name, value) in self.fields { text += "\(name): \(value)\r\n" }
        if self.closes && self.minorVersion == 1 { text += "Connection: close\r\n" }
        if !self.closes && self.minorVersion == 0 { text += "Connection: keep-alive\r\n" }
        guard self.method == "POST" else { return [UInt8]((text + "\r\n").utf8) }
        guard self.form == .chunked, self.minorVersion == 1 else {
            if self.form == .expecting, self.minorVersion == 1 { text += "Expect: 100-continue\r\n" }
            return [UInt8]((text + "Content-Length: \(self.body.count)\r\n\r\n").utf8) + self.body
        }
        var bytes = [UInt8]((text + "Transfer-Encoding: chunked\r\n\r\n").utf8)
        var start = 0
        while start < self.body.count {  // Bound: the body.
            let end = Swift.min(self.body.count, start + self.chunkBytes)
            bytes += [UInt8]((String(end - start, radix: 16) + "\r\n").utf8) + self.body[start..<end] + [0x0D, 0x0A]
            start = end
        }
        return bytes + [UInt8]("0\r\n\r\n".utf8)
    }

    static func post(_ path: String, _ body: String) -> RequestText {
        var request = RequestText(path: path)
        request.body = [UInt8](body.utf8)
        request.fields = [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")]
        return request
    }

    /// The modern envelope. `extra` are further members of `_meta`, each with its comma before it.
    static func modernMeta(_ extra: String, canAnswer: Bool = false) -> String {
        let capabilities = canAnswer ? "{\"elicitation\":{}}" : "{}"
        return """
            "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",\
            "io.modelcontextprotocol/clientCapabilities":\(capabilities)\(extra)}
            """
    }
}
