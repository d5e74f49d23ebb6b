import Base
import Testing
import Wire

@testable import SupervisorCore

/// Requests as text. A header that is given replaces the default of its name; nil leaves it out.
enum RigText {
    typealias Headers = [(String, String?)]

    static func request(
        _ method: String, _ path: String = "/mcp", _ headers: Headers = [], body: String? = nil, version: String = "1.1"
    )
        -> String
    {
        var fields: Headers = [("Host", "127.0.0.1:8000")]
        if method != "OPTIONS" { fields.append(("Accept", "application/json, text/event-stream")) }
        if let body {
            fields.append(("Content-Type", "application/json"))
            fields.append(("Content-Length", String(body.utf8.count)))
        }
        for (name, value) in headers {
            fields.removeAll { $0.0.lowercased() == name.lowercased() }
            fields.append((name, value))
        }
        let lines = fields.compactMap { name, value in value.map { "\(name): \($0)\r\n" } }
        return "\(method) \(path) HTTP/\(version)\r\n\(lines.joined())\r\n\(body ?? "")"
    }

    static func post(_ body: String, _ headers: Headers = [], path: String = "/mcp", version: String = "1.1") -> String {
        self.request("POST", path, headers, body: body, version: version)
    }

    static let envelope =
        #""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}"#

    /// A modern body. `meta` are further members of `_meta`, `params` further members of `params`, each with a comma behind.
    static func modernBody(_ method: String, id: String = "1", params: String = "", meta: String = "") -> String {
        #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":{\#(params)"_meta":{\#(meta)\#(self.envelope)}}}"#
    }

    static func modernHeaders(_ method: String, name: String? = nil) -> Headers {
        [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", method), ("Mcp-Name", name)]
    }

    static func modern(_ method: String, id: String = "1", params: String = "", meta: String = "", _ headers: Headers = [])
        -> String
    {
        self.post(
            self.modernBody(method, id: id, params: params, meta: meta),
            self.modernHeaders(method, name: method == "tools/call" ? "t" : nil) + headers)
    }

    /// `tools/call` of the tool `t`.
    static func modernCall(id: String = "1", arguments: String = "{}", meta: String = "", _ headers: Headers = []) -> String {
        self.modern("tools/call", id: id, params: #""name":"t","arguments":\#(arguments),"#, meta: meta, headers)
    }

    static func legacyBody(_ method: String, id: String? = "1", params: String? = nil) -> String {
        let id = id.map { #""id":\#($0),"# } ?? ""
        let params = params.map { #","params":\#($0)"# } ?? ""
        return #"{"jsonrpc":"2.0",\#(id)"method":"\#(method)"\#(params)}"#
    }

    static func initialize(_ revision: String = "2025-11-25", id: String = "0") -> String {
        self.post(
            self.legacyBody(
                "initialize", id: id,
                params: #"{"protocolVersion":"\#(revision)","capabilities":{},"clientInfo":{"name":"c","version":"1"}}"#))
    }

    static func legacy(
        _ method: String, session: String, id: String? = "1", params: String? = nil, _ headers: Headers = []
    ) -> String {
        self.post(self.legacyBody(method, id: id, params: params), [("Mcp-Session-Id", session)] + headers)
    }

    static func legacyCall(session: String, id: String = "1", meta: String? = nil, _ headers: Headers = []) -> String {
        let meta = meta.map { #","_meta":{\#($0)}"# } ?? ""
        return self.legacy("tools/call", session: session, id: id, params: #"{"name":"t","arguments":{}\#(meta)}"#, headers)
    }

    static func get(session: String, _ headers: Headers = []) -> String {
        self.request("GET", "/mcp", [("Accept", "text/event-stream"), ("Mcp-Session-Id", session)] + headers)
    }
}

extension Rig {
    /// A new session; its id.
    func session(_ revision: String = "2025-11-25") throws -> String {
        let client = try self.connect()
        client.send(RigText.initialize(revision))
        let reply = try client.reply()
        try #require(reply.status == 200, "\(reply.text)")
        client.end()
        return try #require(reply["mcp-session-id"])
    }

    /// One request on a new connection that is open afterwards.
    func send(_ text: String) throws -> RigClient {
        let client = try self.connect()
        client.send(text)
        return client
    }

    /// One request on a new connection, and its whole response.
    func ask(_ text: String, toHead: Bool = false) throws -> RigReply {
        let client = try self.send(text)
        let reply = try client.reply(toHead: toHead)
        client.end()
        return reply
    }
}
