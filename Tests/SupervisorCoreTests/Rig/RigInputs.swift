import Base
import Testing
import Wire

@testable import SupervisorCore

/// Clients that can be asked, and what servers ask them.
enum RigInput {
    static let all = #"{"elicitation":{"form":{},"url":{}},"sampling":{},"roots":{}}"#
    static let form = #"{"message":"Who?","requestedSchema":{"type":"object","properties":{"name":{"type":"string"}}}}"#
    static let accepted = #"{"action":"accept","content":{"name":"Ann"}}"#
    static let declined = #"{"action":"decline"}"#

    /// A form with a question of its own.
    static func form(_ message: String, _ meta: String = "") -> String {
        let meta = meta.isEmpty ? "" : #","_meta":{\#(meta)}"#
        return #"{"message":"\#(message)","requestedSchema":{"type":"object","properties":{"name":{"type":"string"}}}\#(meta)}"#
    }

    /// The result by which a modern worker asks.
    static func required(_ questions: [String: String], state: String? = nil) -> String {
        let texts = questions.keys.sorted().map {
            #""\#($0)":{"method":"elicitation/create","params":\#(questions[$0] ?? "{}")}"#
        }
        let state = state.map { #","requestState":"\#($0)""# } ?? ""
        return #"{"resultType":"input_required","inputRequests":{\#(texts.joined(separator: ","))}\#(state)}"#
    }
}

extension RigText {
    /// `tools/call` of `t` by a modern client that can be asked everything. `params` are further members, each with a comma behind.
    static func askable(
        id: String = "1", arguments: String = #"{"a":1}"#, params: String = "", meta: String = "",
        capabilities: String = RigInput.all, method: String = "tools/call", name: String = "t", _ headers: Headers = []
    ) -> String {
        self.post(
            self.askableBody(
                id: id, arguments: arguments, params: params, meta: meta, capabilities: capabilities, method: method, name: name),
            self.modernHeaders(method, name: name) + headers)
    }

    static func askableBody(
        id: String = "1", arguments: String = #"{"a":1}"#, params: String = "", meta: String = "",
        capabilities: String = RigInput.all, method: String = "tools/call", name: String = "t"
    ) -> String {
        let envelope =
            #""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":\#(capabilities)"#
        return
            #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":{"name":"\#(name)","arguments":\#(arguments),\#(params)"#
            + #""_meta":{\#(meta)\#(envelope)}}}"#
    }

    /// The same request again, with what `reply` gave and these answers.
    static func retry(
        _ reply: JSONValue, id: String = "2", _ answers: [String: String] = [:], arguments: String = #"{"a":1}"#,
        capabilities: String = RigInput.all, method: String = "tools/call", name: String = "t", _ headers: Headers = []
    ) -> String {
        self.askable(
            id: id, arguments: arguments, params: self.retryParams(reply, answers), capabilities: capabilities, method: method,
            name: name, headers)
    }

    static func retryParams(_ reply: JSONValue, _ answers: [String: String] = [:]) -> String {
        let texts = answers.keys.sorted().map { #""\#($0)":\#(answers[$0] ?? "{}")"# }
        return #""inputResponses":{\#(texts.joined(separator: ","))},"requestState":\#(reply["result"]?["requestState"] ?? "x"),"#
    }

    static func initialize(capabilities: String, _ revision: String = "2025-11-25") -> String {
        self.post(
            self.legacyBody(
                "initialize", id: "0",
                params:
                    #"{"protocolVersion":"\#(revision)","capabilities":\#(capabilities),"clientInfo":{"name":"c","version":"1"}}"#
            ))
    }

    /// A client's answer to a question, on a connection of its own.
    static func answer(session: String, _ ask: JSONValue, _ result: String, _ headers: Headers = []) -> String {
        self.post(
            #"{"jsonrpc":"2.0","id":\#(ask["id"] ?? .null),"result":\#(result)}"#, [("Mcp-Session-Id", session)] + headers)
    }

    static func refusal(session: String, _ ask: JSONValue, _ error: String) -> String {
        self.post(#"{"jsonrpc":"2.0","id":\#(ask["id"] ?? .null),"error":\#(error)}"#, [("Mcp-Session-Id", session)])
    }
}

extension Rig {
    func session(capabilities: String, _ revision: String = "2025-11-25") throws -> String {
        let reply = try self.ask(RigText.initialize(capabilities: capabilities, revision))
        try #require(reply.status == 200, "\(reply.text)")
        return try #require(reply["mcp-session-id"])
    }

    var askCount: Int { self.machine.asks.count }
    var inputCount: Int { self.machine.inputs.count }
    var inputBytes: Int { self.machine.inputs.bytes }
    var parkedCount: Int { self.machine.parked.count }

    /// Nothing is kept of any question.
    var isForgetful: Bool {
        self.askCount == 0 && self.inputCount == 0 && self.inputBytes == 0 && self.parkedCount == 0 && self.callCount == 0
    }

    /// A modern call that has been parked with one question: what its client was told, and what the worker got.
    func parked(_ text: String = RigText.askable(), meta: String = "") throws -> (reply: JSONValue, request: JSONValue) {
        let client = try self.send(text)
        let request = try self.worker.request()
        try self.worker.ask(RigInput.form("Who?", meta))
        self.advance(.milliseconds(30))
        let reply = try client.reply()
        try #require(reply.json["result"]?["resultType"] == "input_required", "\(reply.text)")
        client.end()
        return (reply.json, request)
    }
}

extension JSONValue {
    /// The keys of `inputRequests`.
    var questionKeys: [String] { self["result"]?["inputRequests"]?.objectValue?.map(\.key) ?? [] }
}

extension RigWorker {
    func ask(_ params: String = RigInput.form, id: String = #""q""#, _ method: String = "elicitation/create") {
        self.write(#"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":\#(params)}"#)
    }

    /// What it was sent, of its own requests and of ours.
    func messages() throws -> [JSONValue] {
        let lines = self.lines
        self.forgetLines()
        return try lines.map { try JSONValue.parse([UInt8]($0.utf8)) }
    }
}
