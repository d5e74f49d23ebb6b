import Base
import MCP
import Testing
import Wire

@Suite struct InputRequestTests {
    static func request(_ method: MCPMethod, _ params: String) throws -> InputRequest {
        let bytes = [UInt8](params.utf8)
        return try InputRequest(method: method, bytes.span, params: ByteRange(0, bytes.count))
    }

    static func value(_ value: String) throws -> InputRequest {
        let bytes = [UInt8](value.utf8)
        return try InputRequest(bytes.span, value: ByteRange(0, bytes.count))
    }

    static let form = #"{"message":"m","requestedSchema":{"type":"object","properties":{}}}"#
    static let url = #"{"mode":"url","message":"m","url":"https://e.example/","elicitationId":"e1"}"#
    static let sampling = #"{"messages":[{"role":"user","content":{"type":"text","text":"t"}}],"maxTokens":9}"#

    // MARK: Reading

    @Test(
        arguments: [
            (.elicitationCreate, form, .elicitationForm, .elicitationForm),
            (
                .elicitationCreate, #"{"mode":"form","message":"","requestedSchema":{}}"#, .elicitationForm, .elicitationForm
            ),
            (.elicitationCreate, url, .elicitationURL, .elicitationURL),
            (.samplingCreateMessage, sampling, .sampling, .sampling),
            (.samplingCreateMessage, #"{"messages":[],"maxTokens":1,"tools":[]}"#, .sampling, [.sampling, .samplingTools]),
            (
                .samplingCreateMessage, #"{"messages":[],"maxTokens":1,"toolChoice":{"mode":"none"}}"#, .sampling,
                [.sampling, .samplingTools]
            ),
            (
                .samplingCreateMessage,
                #"{"messages":[{"role":"user","content":[{"type":"tool_result","toolUseId":"1"}]}],"maxTokens":1}"#, .sampling,
                [.sampling, .samplingTools]
            ),
            (.samplingCreateMessage, #"{"messages":[],"maxTokens":1,"includeContext":"allServers"}"#, .sampling, .sampling),
            (.rootsList, "{}", .roots, .roots), (.rootsList, "null", .roots, .roots),
        ] as [(MCPMethod, String, InputRequest.Kind, ClientCapabilities)])
    func `each question needs its capability`(
        method: MCPMethod, params: String, kind: InputRequest.Kind, needs: ClientCapabilities
    ) throws {
        let request = try Self.request(method, params)
        #expect(request.kind == kind)
        #expect(request.method == method)
        #expect(request.needs == needs)
        #expect(request.missing(in: .all) == [])
        #expect(request.missing(in: []) == needs)
        #expect(try Self.value(#"{"method":"\#(method.text)","params":\#(params)}"#) == request)
    }

    @Test func `roots need no params`() throws {
        #expect(try InputRequest(method: .rootsList, Span(), params: nil).kind == .roots)
        #expect(try Self.value(#"{"method":"roots/list"}"#).kind == .roots)
    }

    @Test(
        arguments: [
            (.toolsCall, "{}", .notInput), (.ping, "{}", .notInput), (.unknown, "{}", .notInput),
            (.elicitationCreate, "[]", .notObject), (.rootsList, "3", .notObject),
            (.elicitationCreate, #"{"requestedSchema":{}}"#, .missing("message")),
            (.elicitationCreate, #"{"message":1,"requestedSchema":{}}"#, .missing("message")),
            (.elicitationCreate, #"{"message":"m"}"#, .missing("requestedSchema")),
            (
                .elicitationCreate, #"{"message":"m","requestedSchema":{"properties":[]}}"#,
                .missing("requestedSchema.properties")
            ),
            (.elicitationCreate, #"{"message":"m","mode":"url"}"#, .missing("url")),
            (.elicitationCreate, #"{"message":"m","mode":"url","url":""}"#, .missing("url")),
            (.elicitationCreate, #"{"message":"m","mode":"carrier pigeon"}"#, .unknownMode),
            (.elicitationCreate, #"{"message":"m","mode":null,"requestedSchema":{}}"#, .unknownMode),
            (.samplingCreateMessage, #"{"maxTokens":1}"#, .missing("messages")),
            (.samplingCreateMessage, #"{"messages":[]}"#, .missing("maxTokens")),
            (.samplingCreateMessage, #"{"messages":[{"role":"system"}],"maxTokens":1}"#, .missing("messages[].role")),
            (.samplingCreateMessage, #"{"messages":[{"role":"user"}],"maxTokens":1}"#, .missing("messages[].content")),
            (
                .samplingCreateMessage, #"{"messages":[{"role":"user","content":[1]}],"maxTokens":1}"#,
                .missing("messages[].content.type")
            ),
            (.elicitationCreate, #"{"message":"m","message":"n"}"#, .malformed(.duplicateKey)),
            (.elicitationCreate, "{", .malformed(.unexpectedEnd)),
        ] as [(MCPMethod, String, InputRequestRefusal)])
    func `what cannot be asked is refused with a reason`(
        method: MCPMethod, params: String, refusal: InputRequestRefusal
    ) {
        #expect(throws: refusal) { try Self.request(method, params) }
        #expect(refusal.code == (refusal == .notInput ? .methodNotFound : .invalidParams))
        #expect(!refusal.reason.isEmpty)
    }

    @Test(arguments: [
        ("[]", InputRequestRefusal.notObject), (#"{"params":{}}"#, .missing("method")), (#"{"method":1}"#, .missing("method")),
    ])
    func `a value of inputRequests names its method`(value: String, refusal: InputRequestRefusal) {
        #expect(throws: refusal) { try Self.value(value) }
    }

    @Test func `where a request comes from is read and not passed on`() throws {
        let meta = """
            "_meta":{"progressToken":7,"io.mcp-supervisor/relatedRequest":12,"io.mcp-supervisor/inputKey":"k",\
            "io.modelcontextprotocol/related-task":{"taskId":"t1"},"com.example/a":1}
            """
        let request = try Self.request(.rootsList, "{\(meta)}")
        #expect(request.origin.progressToken == 7)
        #expect(request.origin.relatedRequest == 12)
        #expect(request.origin.relatedTask == "t1")
        #expect(request.origin.keyHint == "k")
        #expect(Self.forModern(request) == #"{"method":"roots/list","params":{"_meta":{"com.example/a":1}}}"#)
        #expect(try Self.request(.rootsList, #"{"_meta":{"progressToken":1.5}}"#).origin.progressToken == nil)
        #expect(try Self.request(.rootsList, #"{"_meta":[]}"#).origin.progressToken == nil)
    }

    // MARK: Towards a modern client

    static func forModern(_ request: InputRequest, _ capabilities: ClientCapabilities = .all) -> String {
        var output: [UInt8] = []
        do throws(InputImpossible) {
            try request.appendForModernClient(capabilities, to: &output)
        } catch {
            #expect(output.isEmpty)
            return error.reason
        }
        return text(output)
    }

    @Test(
        arguments: [
            (.elicitationCreate, url, #"{"mode":"url","message":"m","url":"https://e.example/"}"#),
            (
                .elicitationCreate, #"{"mode":"form","message":"m","requestedSchema":{"x":1.50},"task":{"ttl":1}}"#,
                #"{"mode":"form","message":"m","requestedSchema":{"x":1.50}}"#
            ),
            (.elicitationCreate, form, form),
            (
                .samplingCreateMessage, #"{"messages":[],"maxTokens":1,"task":{},"_meta":{"progressToken":"p"}}"#,
                #"{"messages":[],"maxTokens":1}"#
            ),
        ] as [(MCPMethod, String, String)])
    func `nothing of the worker's own leg reaches a modern client`(method: MCPMethod, params: String, expected: String) throws {
        #expect(Self.forModern(try Self.request(method, params)) == #"{"method":"\#(method.text)","params":\#(expected)}"#)
    }

    @Test func `a modern client is asked only for what it has declared`() throws {
        let request = try Self.request(.elicitationCreate, Self.url)
        #expect(Self.forModern(request, .elicitationForm) == "the client does not support elicitation.url")
        #expect(InputImpossible.missing(.elicitationURL).required(by: request) == .elicitationURL)
        #expect(InputImpossible.inexpressible("x").required(by: request) == .elicitationURL)
    }

    @Test func `context is a wish that a client without the capability does not hear`() throws {
        let request = try Self.request(.samplingCreateMessage, #"{"messages":[],"maxTokens":1,"includeContext":"thisServer"}"#)
        #expect(Self.forModern(request).contains("thisServer"))
        #expect(!Self.forModern(request, .sampling).contains("includeContext"))
        let none = try Self.request(.samplingCreateMessage, #"{"messages":[],"maxTokens":1,"includeContext":"none"}"#)
        #expect(Self.forModern(none, .sampling).contains(#""includeContext":"none""#))
    }

    // MARK: Towards a legacy client

    static func forLegacy(
        _ request: InputRequest, _ revision: Revision, _ capabilities: ClientCapabilities = .all, token: Int64? = nil
    ) -> String {
        var output: [UInt8] = []
        do throws(InputImpossible) {
            try request.appendParamsForLegacyClient(
                revision, capabilities, elicitationID: "fresh", progressToken: token, to: &output)
        } catch {
            #expect(output.isEmpty)
            return error.reason
        }
        return text(output)
    }

    @Test func `a URL has an id in 2025-11-25 and does not exist before`() throws {
        let modern = try Self.value(#"{"method":"elicitation/create","params":{"mode":"url","message":"m","url":"u:"}}"#)
        #expect(Self.forLegacy(modern, .v2025_11_25) == #"{"mode":"url","message":"m","url":"u:","elicitationId":"fresh"}"#)
        #expect(
            Self.forLegacy(try Self.request(.elicitationCreate, Self.url), .v2025_11_25)
                == #"{"mode":"url","message":"m","url":"https://e.example/","elicitationId":"e1"}"#)
        for revision in [Revision.v2024_11_05, .v2025_03_26, .v2025_06_18] {
            #expect(Self.forLegacy(modern, revision) == "the client's protocol revision does not allow elicitation by URL")
            #expect(Self.forLegacy(modern, revision, .elicitationForm) == "the client does not support elicitation.url")
        }
    }

    @Test func `a form does not exist before 2025-06-18`() throws {
        let request = try Self.request(.elicitationCreate, Self.form)
        #expect(Self.forLegacy(request, .v2024_11_05, []) == "the client does not support elicitation.form")
        #expect(Self.forLegacy(request, .v2025_03_26) == "the client's protocol revision does not allow elicitation")
        #expect(Self.forLegacy(request, .v2025_06_18) == Self.form)
        #expect(Self.forLegacy(request, .v2025_11_25) == Self.form)
    }

    private static func form(_ property: String) throws -> InputRequest {
        try Self.request(
            .elicitationCreate,
            #"{"mode":"form","message":"m","requestedSchema":{"type":"object","properties":{"p":\#(property)},"required":["p"]}}"#
        )
    }

    @Test(arguments: [
        (#"{"type":"string","title":"T","default":"x","maxLength":3}"#, #"{"type":"string","title":"T","maxLength":3}"#),
        (#"{"type":"number","default":1,"minimum":0}"#, #"{"type":"number","minimum":0}"#),
        (#"{"type":"integer","default":1}"#, #"{"type":"integer"}"#),
        (#"{"type":"boolean","default":true}"#, #"{"type":"boolean","default":true}"#),
        (#"{"type":"string","enum":["a","b"],"default":"a"}"#, #"{"type":"string","enum":["a","b"]}"#),
        (
            #"{"type":"string","enum":["a"],"enumNames":["A"]}"#, #"{"type":"string","enum":["a"],"enumNames":["A"]}"#
        ),
        (
            #"{"type":"string","oneOf":[{"const":"a","title":"A"},{"const":"b"}],"default":"b","description":"d"}"#,
            #"{"type":"string","enum":["a","b"],"enumNames":["A","b"],"description":"d"}"#
        ),
        (#"{"enum":["a"]}"#, #"{"type":"string","enum":["a"]}"#),
    ])
    func `a form of 2025-06-18 has one spelling of choices and no defaults`(property: String, expected: String) throws {
        let request = try Self.form(property)
        let schema = #""requestedSchema":{"type":"object","properties":{"p":\#(expected)},"required":["p"]}"#
        #expect(Self.forLegacy(request, .v2025_06_18) == #"{"message":"m",\#(schema)}"#)
        // The next revision reads it as it is.
        #expect(Self.forLegacy(request, .v2025_11_25).contains(property))
    }

    @Test(arguments: [
        #"{"type":"array","items":{"type":"string","enum":["a"]}}"#, #"{"type":"object","properties":{}}"#, "{}", "true",
        #"{"type":["string","null"]}"#, #"{"oneOf":[]}"#, #"{"type":"string","oneOf":[{"const":1}]}"#, #"{"type":"null"}"#,
    ])
    func `what a form of 2025-06-18 cannot hold is not asked`(property: String) throws {
        #expect(Self.forLegacy(try Self.form(property), .v2025_06_18).hasPrefix("the client's protocol revision does not allow"))
    }

    private static func sampled(_ content: String, _ more: String = "") throws -> InputRequest {
        try Self.request(
            .samplingCreateMessage, #"{"messages":[{"role":"user","content":\#(content)}],"maxTokens":9\#(more)}"#)
    }

    @Test(arguments: [Revision.v2024_11_05, .v2025_03_26, .v2025_06_18, .v2025_11_25])
    func `plain sampling passes to every revision`(revision: Revision) throws {
        #expect(Self.forLegacy(try Self.request(.samplingCreateMessage, Self.sampling), revision, .sampling) == Self.sampling)
        let audio = try Self.sampled(#"{"type":"audio","data":"","mimeType":"audio/wav"}"#)
        #expect(Self.forLegacy(audio, revision).hasPrefix("{") == (revision > .v2024_11_05))
        let tools = try Self.sampled(#"{"type":"text","text":"t"}"#, #","tools":[]"#)
        #expect(Self.forLegacy(tools, revision, .sampling) == "the client does not support sampling.tools")
    }

    @Test func `a list of blocks is for clients that know lists`() throws {
        let one = try Self.sampled(#"[{"type":"text","text":"t"}]"#)
        let two = try Self.sampled(#"[{"type":"text","text":"t"},{"type":"text","text":"u"}]"#)
        #expect(Self.forLegacy(one, .v2025_06_18, .sampling) == Self.sampling)
        #expect(Self.forLegacy(two, .v2025_06_18, .sampling) == "the client does not support sampling.tools")
        #expect(Self.forLegacy(two, .v2025_11_25, .sampling).contains("[{"))
        #expect(
            Self.forLegacy(try Self.sampled(#"[{"type":"audio"}]"#), .v2024_11_05, .sampling)
                == "the client's protocol revision does not allow audio in sampling")
    }

    @Test func `a legacy client is given a progress token only if the worker wants to hear of it`() throws {
        let asks = try Self.request(.rootsList, #"{"_meta":{"progressToken":"w","a/b":1}}"#)
        #expect(Self.forLegacy(asks, .v2025_11_25, token: 5) == #"{"_meta":{"a/b":1,"progressToken":5}}"#)
        #expect(Self.forLegacy(asks, .v2025_11_25) == #"{"_meta":{"a/b":1}}"#)
        #expect(Self.forLegacy(try Self.request(.rootsList, "{}"), .v2025_11_25, token: 5) == "{}")
    }

    @Test func `the question is the same whatever belongs to one leg`() throws {
        func question(_ params: String) throws -> String {
            var output: [UInt8] = []
            try Self.request(.elicitationCreate, params).appendQuestion(to: &output)
            return text(output)
        }
        let one = try question(#"{"mode":"url","message":"m","url":"u:","elicitationId":"1","_meta":{"progressToken":1}}"#)
        let other = try question(#"{"url":"u:","elicitationId":"2","message":"m","mode":"\u0075rl","task":{}}"#)
        #expect(one == other)
        #expect(try question(#"{"mode":"url","message":"n","url":"u:"}"#) != one)
    }
}
