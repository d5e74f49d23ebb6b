import Base
import MCP
import Testing
import Wire

@Suite struct InputResponseTests {
    private static func checked(_ response: String, for request: InputRequest) throws -> String {
        let bytes = [UInt8](response.utf8)
        return text(try InputResponse.checked(bytes.span, ByteRange(0, bytes.count), for: request))
    }

    private static func form(_ properties: String = "{}", required: String = "[]") throws -> InputRequest {
        try InputRequestTests.request(
            .elicitationCreate,
            #"{"message":"m","requestedSchema":{"type":"object","properties":\#(properties),"required":\#(required)}}"#)
    }

    private static let request: [InputRequest.Kind: (MCPMethod, String)] = [
        .elicitationForm: (.elicitationCreate, InputRequestTests.form),
        .elicitationURL: (.elicitationCreate, InputRequestTests.url),
        .sampling: (.samplingCreateMessage, InputRequestTests.sampling), .roots: (.rootsList, "{}"),
    ]

    private static func request(_ kind: InputRequest.Kind) throws -> InputRequest {
        let (method, params) = try #require(Self.request[kind])
        return try InputRequestTests.request(method, params)
    }

    @Test(
        arguments: [
            (.elicitationForm, #"{"action":"accept","content":{"s":"x","n":1.50,"b":true,"l":["a","b"]}}"#, nil),
            (.elicitationForm, #"{"action":"accept","content":{}}"#, nil),
            (.elicitationForm, #"{"action":"accept"}"#, nil),
            (.elicitationForm, #"{"action":"accept","content":null}"#, #"{"action":"accept"}"#),
            (.elicitationForm, #"{"action":"decline"}"#, nil),
            (.elicitationForm, #"{"action":"cancel","content":{"s":"secret"}}"#, #"{"action":"cancel"}"#),
            (.elicitationForm, #"{"action":"decline","content":7}"#, #"{"action":"decline"}"#),
            (.elicitationURL, #"{"action":"accept","content":{"s":"x"}}"#, #"{"action":"accept"}"#),
            (.elicitationURL, #"{"action":"decline"}"#, nil),
            (
                .elicitationForm,
                #"{"resultType":"complete","action":"cancel","_meta":{"io.mcp-supervisor/caller":"x","a/b":1}}"#,
                #"{"action":"cancel","_meta":{"a/b":1}}"#
            ),
            (.elicitationForm, #"{"action":"cancel","_meta":{"io.mcp-supervisor/caller":"x"}}"#, #"{"action":"cancel"}"#),
            (.sampling, #"{"role":"assistant","content":{"type":"text","text":"t"},"model":"m","stopReason":"endTurn"}"#, nil),
            (
                .sampling, #"{"role":"assistant","content":[{"type":"text","text":"t"}],"model":"m"}"#,
                #"{"role":"assistant","content":{"type":"text","text":"t"},"model":"m"}"#
            ),
            (.sampling, #"{"role":"assistant","content":[{"type":"text"},{"type":"text"}],"model":"m"}"#, nil),
            (.roots, #"{"roots":[{"uri":"file:///a","name":"A"},{"uri":"file:///b"}]}"#, nil),
            (.roots, #"{"roots":[]}"#, nil),
        ] as [(InputRequest.Kind, String, String?)])
    func `a good answer reaches the server as a bare result`(
        kind: InputRequest.Kind, response: String, expected: String?
    ) throws {
        #expect(try Self.checked(response, for: try Self.request(kind)) == expected ?? response)
    }

    @Test(
        arguments: [
            (.elicitationForm, "12345", .notObject), (.elicitationForm, "null", .notObject), (.elicitationForm, "[]", .notObject),
            (.elicitationForm, "{}", .action), (.elicitationForm, #"{"action":"ok"}"#, .action),
            (.elicitationForm, #"{"action":true}"#, .action), (.elicitationURL, #"{"action":"ACCEPT"}"#, .action),
            (.elicitationForm, #"{"action":"accept","content":[]}"#, .content),
            (.elicitationForm, #"{"action":"accept","content":"x"}"#, .content),
            (.elicitationForm, #"{"action":"accept","content":{"a":{}}}"#, .value("a")),
            (.elicitationForm, #"{"action":"accept","content":{"a":null}}"#, .value("a")),
            (.elicitationForm, #"{"action":"accept","content":{"a":["x",1]}}"#, .value("a")),
            (.elicitationForm, #"{"action":"accept","content":{"a":1,"a":2}}"#, .malformed), (.elicitationForm, "{", .malformed),
            (.sampling, #"{"role":"system","content":{"type":"text"},"model":"m"}"#, .role),
            (.sampling, #"{"content":{"type":"text"},"model":"m"}"#, .role),
            (.sampling, #"{"role":"user","content":{"type":"text"}}"#, .model),
            (.sampling, #"{"role":"user","model":"m"}"#, .content),
            (.sampling, #"{"role":"user","model":"m","content":"x"}"#, .content),
            (.sampling, #"{"role":"user","model":"m","content":[{}]}"#, .content),
            (.roots, "{}", .roots), (.roots, #"{"roots":[{"name":"x"}]}"#, .roots), (.roots, #"{"roots":["file:///"]}"#, .roots),
            (.roots, #"{"roots":[{"uri":1}]}"#, .roots), (.roots, #"{"roots":[{"uri":"u","name":1}]}"#, .roots),
        ] as [(InputRequest.Kind, String, InputResponseRefusal)])
    func `a malformed answer is the client's fault`(
        kind: InputRequest.Kind, response: String, refusal: InputResponseRefusal
    ) throws {
        let request = try Self.request(kind)
        #expect(throws: refusal) { try Self.checked(response, for: request) }
        #expect(refusal.code == .invalidParams)
        #expect(!refusal.reason.isEmpty)
    }

    @Test(arguments: [
        (#"{"type":"string"}"#, #""x""#, true), (#"{"type":"string"}"#, "1", false), (#"{"type":"boolean"}"#, "false", true),
        (#"{"type":"boolean"}"#, #""false""#, false), (#"{"type":"number"}"#, "1.5", true),
        (#"{"type":"number"}"#, "true", false),
        (#"{"type":"integer"}"#, "2.0", true), (#"{"type":"integer"}"#, "2.5", false), (#"{"type":"integer"}"#, #""2""#, false),
        (#"{"type":"string","enum":["a","b"]}"#, #""b""#, true), (#"{"type":"string","enum":["a","b"]}"#, #""c""#, false),
        (#"{"type":"string","oneOf":[{"const":"a","title":"A"}]}"#, #""a""#, true),
        (#"{"type":"string","oneOf":[{"const":"a","title":"A"}]}"#, #""A""#, false),
        (#"{"type":"array","items":{"type":"string","enum":["a","b"]}}"#, #"["b","a"]"#, true),
        (#"{"type":"array","items":{"type":"string","enum":["a","b"]}}"#, #"["c"]"#, false),
        (#"{"type":"array","items":{"anyOf":[{"const":"a","title":"A"}]}}"#, #"["a"]"#, true),
        (#"{"type":"array","items":{"anyOf":[{"const":"a","title":"A"}]}}"#, #"["b"]"#, false),
        (#"{"type":"array"}"#, #"["z"]"#, true), (#"{"type":"array"}"#, #""z""#, false), ("{}", "1", true), ("7", "1", true),
    ])
    func `an answer is held to the form`(property: String, answer: String, isAcceptable: Bool) throws {
        let request = try Self.form(#"{"p":\#(property)}"#)
        let response = #"{"action":"accept","content":{"p":\#(answer),"unasked":1}}"#
        if isAcceptable {
            #expect(try Self.checked(response, for: request) == response)
        } else {
            #expect(throws: InputResponseRefusal.value("p")) { try Self.checked(response, for: request) }
        }
    }

    @Test func `what the form requires must be there`() throws {
        let request = try Self.form(#"{"p":{"type":"string"}}"#, required: #"["p",3]"#)
        for response in [
            #"{"action":"accept","content":{}}"#, #"{"action":"accept"}"#, #"{"action":"accept","content":{"q":""}}"#,
        ] {
            #expect(throws: InputResponseRefusal.required("p")) { try Self.checked(response, for: request) }
        }
        #expect(try Self.checked(#"{"action":"decline"}"#, for: request) == #"{"action":"decline"}"#)
    }

    @Test func `sampling with tools may answer with a list`() throws {
        let request = try InputRequestTests.request(.samplingCreateMessage, #"{"messages":[],"maxTokens":1,"tools":[]}"#)
        let response = #"{"role":"assistant","content":[{"type":"tool_use","id":"1"}],"model":"m","stopReason":"toolUse"}"#
        #expect(try Self.checked(response, for: request) == response)
    }

    // MARK: The members of a request that is asked again

    private static func answers(_ params: String) throws -> InputAnswers {
        let object = try JSONObject(params)
        return try InputAnswers(object.bytes.span, params: object.members)
    }

    @Test func `answers and state are read, each of which may be absent`() throws {
        let both = try Self.answers(#"{"name":"t","inputResponses":{"\u0061":{"x":1},"b":{}},"requestState":"s\u0021"}"#)
        #expect(both.answers.map { text($0.key) } == ["a", "b"])
        #expect(both[[0x61]] == [UInt8](#"{"x":1}"#.utf8))
        #expect(both[[0x63]] == nil)
        #expect(both.requestState == [UInt8]("s!".utf8))
        #expect(!both.isEmpty)
        #expect(try Self.answers(#"{"name":"t"}"#).isEmpty)
        #expect(try Self.answers(#"{"requestState":""}"#).requestState == [])
        #expect(try !Self.answers(#"{"inputResponses":{"a":{}}}"#).isEmpty)
    }

    @Test(arguments: [
        (#"{"inputResponses":null}"#, InputResponseRefusal.responsesNotObject), (#"{"inputResponses":[]}"#, .responsesNotObject),
        (#"{"inputResponses":{"user_name":12345}}"#, .notObject), (#"{"inputResponses":{"a":null}}"#, .notObject),
        (#"{"inputResponses":{"a":{},"\u0061":{}}}"#, .malformed), (#"{"requestState":1}"#, .stateNotString),
        (#"{"requestState":null}"#, .stateNotString),
        (#"{"inputResponses":{\#((0...64).map { "\"k\($0)\":{}" }.joined(separator: ","))}}"#, .tooManyResponses),
    ])
    func `malformed answers are refused before anything is dispatched`(params: String, refusal: InputResponseRefusal) {
        #expect(throws: refusal) { try Self.answers(params) }
    }
}
