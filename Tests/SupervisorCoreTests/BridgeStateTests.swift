import Base
import MCP
import Testing
import Wire

@testable import SupervisorCore

private enum Given {
    static let functions = DigestFunctions(sha256: { FakeDigests.digest($0) }, areEqual: { $0.equals($1) })

    static func params(_ text: String) throws -> (bytes: [UInt8], members: JSONMembers) {
        let bytes = [UInt8](text.utf8)
        var scanner = JSONScanner()
        var members = JSONMembers()
        try scanner.scanObject(bytes.span, at: ByteRange(0, bytes.count), into: &members)
        return (bytes, members)
    }

    static func digest(_ params: String, _ method: MCPMethod = .toolsCall) throws -> RequestDigest? {
        let (bytes, members) = try Self.params(params)
        return RequestDigest(method, bytes.span, params: members, Self.functions)
    }

    static func request(_ method: MCPMethod, _ params: String) throws -> InputRequest {
        let bytes = [UInt8](params.utf8)
        return try InputRequest(method: method, bytes.span, params: ByteRange(0, bytes.count))
    }
}

@Suite struct RequestDigestTests {
    @Test(arguments: [
        #"{"name":"t","arguments":{"a":1,"b":[{"c":2,"d":3}]}}"#,
        #"{"arguments":{"b":[{"d":3,"c":2.0}],"a":10e-1},"name":"\u0074"}"#,
        #"{"name":"t","arguments":{"a":1,"b":[{"c":2,"d":3}]},"_meta":{"x":1},"inputResponses":{"a":{}},"requestState":"s"}"#,
    ])
    func `a request is the same however it is serialised`(params: String) throws {
        let digest = try Given.digest(params)
        #expect(digest != nil)
        #expect(try digest == Given.digest(#"{"name":"t","arguments":{"a":1,"b":[{"c":2,"d":3}]}}"#))
    }

    @Test(arguments: [
        #"{"name":"u","arguments":{"a":1}}"#, #"{"name":"t","arguments":{"a":"1"}}"#, #"{"name":"t","arguments":{"a":2}}"#,
        #"{"name":"t","arguments":{"a":1,"b":null}}"#, #"{"name":"t"}"#, #"{"name":"t","arguments":{"a":[1]}}"#,
    ])
    func `another request is another one`(params: String) throws {
        let digest = try Given.digest(params)
        #expect(digest != nil)
        #expect(try digest != Given.digest(#"{"name":"t","arguments":{"a":1}}"#))
    }

    @Test func `no arguments are empty ones`() throws {
        let empty = try Given.digest(#"{"name":"t","arguments":{}}"#)
        #expect(try Given.digest(#"{"name":"t"}"#) == empty)
        #expect(try Given.digest(#"{"name":"t","arguments":null}"#) == empty)
    }

    @Test func `the method is part of it`() throws {
        #expect(try Given.digest(#"{"name":"t"}"#, .toolsCall) != Given.digest(#"{"name":"t"}"#, .promptsGet))
        #expect(try Given.digest(#"{"uri":"u:"}"#, .resourcesRead) != nil)
    }

    @Test func `what cannot ask for input has no digest`() throws {
        #expect(try Given.digest(#"{"name":"t"}"#, .toolsList) == nil)
        #expect(try Given.digest(#"{"name":"t"}"#, .resourcesRead) == nil)
        #expect(try Given.digest(#"{"arguments":{}}"#) == nil)
        #expect(try Given.digest(#"{"name":"t","arguments":{"a":1,"b":{"c":1,"c":2}}}"#) == nil)
        #expect(RequestDigest([UInt8](repeating: 0, count: 31).span) == nil)
    }
}

@Suite struct InputKeyTests {
    private static func key(_ request: InputRequest, taken: [String] = [], trusts: Bool = false) -> String {
        let taken = taken.map { [UInt8]($0.utf8) }
        return String(
            decoding: InputKey.mint(for: request, taken: taken, trustsHints: trusts, Given.functions), as: UTF8.self)
    }

    private static let url = #"{"mode":"url","message":"m","url":"u:","elicitationId":"1"}"#

    @Test(
        arguments: [
            (.elicitationCreate, #"{"message":"m","requestedSchema":{}}"#, "elicitation"), (.elicitationCreate, url, "url"),
            (.samplingCreateMessage, #"{"messages":[],"maxTokens":1}"#, "sampling"), (.rootsList, "{}", "roots"),
        ] as [(MCPMethod, String, String)])
    func `a key names its kind and eight digits of its question`(method: MCPMethod, params: String, kind: String) throws {
        let key = Self.key(try Given.request(method, params))
        #expect(key.hasPrefix(kind + "-"))
        let digits = key.dropFirst(kind.count + 1)
        #expect(digits.count == 8 && digits.allSatisfy { "0123456789abcdef".contains($0) })
    }

    @Test func `the same question has the same key when the call is done again`() throws {
        let one = try Given.request(.elicitationCreate, Self.url)
        let again = try Given.request(
            .elicitationCreate, #"{"url":"u:","message":"m","mode":"url","elicitationId":"2","_meta":{"progressToken":9}}"#)
        let other = try Given.request(.elicitationCreate, #"{"mode":"url","message":"m","url":"v:"}"#)
        #expect(Self.key(one) == Self.key(again))
        #expect(Self.key(one) != Self.key(other))
    }

    @Test func `a question that is asked twice at once gets a number`() throws {
        let request = try Given.request(.rootsList, "{}")
        let key = Self.key(request)
        #expect(Self.key(request, taken: [key]) == key + "-2")
        #expect(Self.key(request, taken: [key, key + "-2", "x"]) == key + "-3")
        #expect(Self.key(request, taken: [key, key + "-3"]) == key + "-2")
    }

    @Test func `only our own worker chooses keys`() throws {
        let request = try Given.request(.rootsList, #"{"_meta":{"io.mcp-supervisor/inputKey":"mine"}}"#)
        #expect(Self.key(request, trusts: true) == "mine")
        #expect(Self.key(request, taken: ["mine"], trusts: true) == "mine-2")
        #expect(Self.key(request).hasPrefix("roots-"))
        let long = String(repeating: "k", count: 65)
        let tooLong = try Given.request(.rootsList, #"{"_meta":{"io.mcp-supervisor/inputKey":"\#(long)"}}"#)
        #expect(Self.key(tooLong, trusts: true).hasPrefix("roots-"))
    }
}

@Suite struct InputOutcomeTests {
    @Test(
        arguments: [
            (.abandoned, .elicitationCreate, #"{"message":"m","requestedSchema":{}}"#, #""result":{"action":"cancel"}"#),
            (.abandoned, .samplingCreateMessage, #"{"messages":[],"maxTokens":1}"#, #""code":-1,"#),
            (.abandoned, .rootsList, "{}", #""code":-32603,"#),
            (.unsupported, .elicitationCreate, #"{"message":"m","requestedSchema":{}}"#, #""code":-32602,"#),
            (.unsupported, .samplingCreateMessage, #"{"messages":[],"maxTokens":1}"#, #""code":-32601,"#),
            (.unsupported, .rootsList, "{}", #""code":-32601,"#), (.unattributable, .rootsList, "{}", #""code":-32603,"#),
        ] as [(InputOutcome, MCPMethod, String, String)])
    func `a worker that nobody answers is told so in its own words`(
        outcome: InputOutcome, method: MCPMethod, params: String, expected: String
    ) throws {
        var output: [UInt8] = [0x7B]
        outcome.append(for: try Given.request(method, params), to: &output)
        output.append(0x7D)
        #expect(String(decoding: output, as: UTF8.self).contains(expected))
        #expect(throws: Never.self) { try JSONValue.parse(output) }
    }
}

@Suite struct RequestStateTests {
    private static func binding(
        _ principal: Principal = .anonymous, _ method: MCPMethod = .toolsCall, _ params: String = #"{"name":"t","uri":"u"}"#,
        server: String = "s"
    ) throws -> RequestState.Binding {
        RequestState.Binding(
            principal: try #require(RequestState.Binding.digest(of: principal, Given.functions)), method: method,
            digest: try #require(try Given.digest(params, method)), server: [UInt8](server.utf8))
    }

    private static func state(_ kind: RequestState.Kind = .parked, round: UInt16 = 1) throws -> RequestState {
        RequestState(
            binding: try Self.binding(), issuedAt: 1_000, expiresAt: 1_600, epoch: 7,
            callID: .init(high: 0x0123_4567_89AB_CDEF, low: .max), round: round, kind: kind)
    }

    private static let seal = RequestStateSeal(functions: ToySeal.functions())

    private static func isOpened(
        _ text: [UInt8], _ binding: RequestState.Binding, at now: Int64 = 1_001, by seal: RequestStateSeal = Self.seal
    ) -> Bool {
        do throws(InvalidRequestState) {
            _ = try seal.open(text.span, for: binding, at: now)
            return true
        } catch {
            return false
        }
    }

    @Test(arguments: [
        RequestState.Kind.parked, .retry, .wrapped(nil), .wrapped([]), .wrapped([0, 0xFF]),
        .wrapped([UInt8](repeating: 1, count: RequestState.innerBytesMax)),
    ])
    func `a state survives the way there and back`(kind: RequestState.Kind) throws {
        let state = try Self.state(kind, round: .max)
        let encoded = try #require(state.encoded())
        #expect(RequestState(decoding: encoded.span) == state)
        let sealed = try #require(Self.seal.seal(state))
        #expect(sealed.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C })
        #expect(sealed.count <= RequestStateSeal.textBytesMax)
        #expect(try Self.seal.open(sealed.span, for: state.binding, at: 1_001) == state)
    }

    @Test func `no shorter, longer or otherwise altered record is read as the same state`() throws {
        for kind in [RequestState.Kind.parked, .retry, .wrapped(nil), .wrapped([1, 2, 3])] {
            let state = try Self.state(kind)
            let encoded = try #require(state.encoded())
            for count in 0..<encoded.count { #expect(RequestState(decoding: [UInt8](encoded.prefix(count)).span) == nil) }
            #expect(RequestState(decoding: (encoded + [0]).span) == nil)
            for index in encoded.indices {
                for bit in 0..<8 {
                    var altered = encoded
                    altered[index] ^= 1 << UInt8(bit)
                    // One encoding for each state: what can be read at all reads as another one.
                    if let read = RequestState(decoding: altered.span) {
                        #expect(read != state)
                        #expect(read.encoded() == altered)
                    }
                }
            }
        }
    }

    @Test func `every altered text is refused`() throws {
        let state = try Self.state(.wrapped([1, 2, 3]))
        let text = try #require(Self.seal.seal(state))
        #expect(Self.isOpened(text, state.binding))
        #expect(!Self.isOpened(text + [UInt8]("-TAMPERED".utf8), state.binding))
        #expect(!Self.isOpened([], state.binding))
        for count in text.indices { #expect(!Self.isOpened([UInt8](text.prefix(count)), state.binding)) }
        for index in text.indices {
            for byte in [UInt8(0x41), 0x62, 0x2D, 0x3D, 0x0A, 0x20, 0xFF] where byte != text[index] {
                var altered = text
                altered[index] = byte
                #expect(!Self.isOpened(altered, state.binding))
            }
        }
        let other = RequestStateSeal(functions: ToySeal.functions(key: 2))
        #expect(!Self.isOpened(text, state.binding, by: other))
    }

    @Test func `a state is of one principal, request and server`() throws {
        let state = try Self.state()
        let text = try #require(Self.seal.seal(state))
        let someone = Principal(name: "k", group: "default")
        #expect(Self.isOpened(text, try Self.binding()))
        #expect(!Self.isOpened(text, try Self.binding(someone)))
        #expect(!Self.isOpened(text, try Self.binding(Principal(name: "", group: "other"))))
        #expect(!Self.isOpened(text, try Self.binding(.anonymous, .promptsGet)))
        #expect(!Self.isOpened(text, try Self.binding(.anonymous, .toolsCall, #"{"name":"u"}"#)))
        #expect(!Self.isOpened(text, try Self.binding(.anonymous, .toolsCall, #"{"name":"t","arguments":{"a":1}}"#)))
        #expect(!Self.isOpened(text, try Self.binding(server: "t")))
        #expect(Self.isOpened(text, try Self.binding(.anonymous, .toolsCall, #"{"arguments":{},"name":"\u0074"}"#)))
    }

    @Test func `the parts of a principal's name cannot be moved between each other`() throws {
        let one = RequestState.Binding.digest(of: Principal(name: "ab", group: "c"), Given.functions)
        let other = RequestState.Binding.digest(of: Principal(name: "a", group: "bc"), Given.functions)
        #expect(one != other)
    }

    @Test(
        arguments: [
            (1_001, true), (1_000, true), (1_599, true), (1_600, false), (.max, false), (940, true), (939, false), (.min, false),
        ] as [(Int64, Bool)])
    func `a state ends`(now: Int64, isValid: Bool) throws {
        let state = try Self.state()
        let text = try #require(Self.seal.seal(state))
        #expect(Self.isOpened(text, state.binding, at: now) == isValid)
    }

    @Test(arguments: [(2_000, 1_000), (.max, .min), (.min, .max), (0, 0)] as [(Int64, Int64)])
    func `a state with impossible times is none`(issuedAt: Int64, expiresAt: Int64) throws {
        let state = RequestState(
            binding: try Self.binding(), issuedAt: issuedAt, expiresAt: expiresAt, epoch: 0, callID: .init(high: 0, low: 0),
            round: 0,
            kind: .parked)
        let text = try #require(Self.seal.seal(state))
        for now in [Int64.min, -1, 0, 1_500, .max] { #expect(!Self.isOpened(text, state.binding, at: now)) }
    }

    @Test func `what does not fit is not sealed`() throws {
        #expect(try Self.seal.seal(Self.state(.wrapped([UInt8](repeating: 1, count: RequestState.innerBytesMax + 1)))) == nil)
        var state = try Self.state()
        state = RequestState(
            binding: try Self.binding(server: String(repeating: "s", count: 256)), issuedAt: state.issuedAt,
            expiresAt: state.expiresAt, epoch: 0, callID: state.callID, round: 1, kind: .parked)
        #expect(Self.seal.seal(state) == nil)
        let failing = RequestStateSeal(functions: SealFunctions(seal: { _, _ in nil }, open: { _, _ in nil }))
        #expect(try failing.seal(Self.state()) == nil)
    }

    @Test func `a text that is too long is not even decoded`() throws {
        let seal = RequestStateSeal(
            functions: SealFunctions(
                seal: { _, _ in nil },
                open: { _, _ in
                    Issue.record("a text beyond the limit was opened")
                    return nil
                }))
        let text = [UInt8](repeating: 0x41, count: RequestStateSeal.textBytesMax + 1)
        #expect(!Self.isOpened(text, try Self.binding(), by: seal))
    }

    @Test func `there is one failure`() {
        #expect(InvalidRequestState().code == .invalidParams)
        #expect(InvalidRequestState().reason.description == "Invalid or expired requestState")
    }
}
