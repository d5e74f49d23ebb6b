import Base
import MCP
import Testing
import Wire

@Suite struct RequestMetadataTests {
    private static func read(_ meta: String) throws -> (bytes: [UInt8], metadata: RequestMetadata) {
        let bytes = [UInt8](meta.utf8)
        var scanner = JSONScanner()
        var members = JSONMembers()
        try scanner.scanObject(bytes.span, at: ByteRange(0, bytes.count), into: &members)
        return (bytes, RequestMetadata(bytes.span, meta: members))
    }

    private static let version = #""io.modelcontextprotocol/protocolVersion":"2026-07-28""#
    private static let capabilities = #""io.modelcontextprotocol/clientCapabilities":{}"#

    @Test(arguments: [
        ("{}", EnvelopeRefusal.missing(.protocolVersion)),
        ("{\(capabilities)}", .missing(.protocolVersion)),
        ("{\(version)}", .missing(.clientCapabilities)),
        (#"{"io.modelcontextprotocol/protocolVersion":3,\#(capabilities)}"#, .wrongType(.protocolVersion)),
        (#"{"io.modelcontextprotocol/protocolVersion":null,\#(capabilities)}"#, .wrongType(.protocolVersion)),
        (#"{\#(version),"io.modelcontextprotocol/clientCapabilities":[]}"#, .wrongType(.clientCapabilities)),
        (#"{\#(version),"io.modelcontextprotocol/clientCapabilities":null}"#, .wrongType(.clientCapabilities)),
        (#"{\#(version),\#(capabilities),"io.modelcontextprotocol/clientInfo":"x"}"#, .wrongType(.clientInfo)),
        (#"{\#(version),\#(capabilities),"io.modelcontextprotocol/logLevel":7}"#, .wrongType(.logLevel)),
        (#"{\#(version),\#(capabilities),"io.modelcontextprotocol/logLevel":"loud"}"#, .unknownLogLevel),
        (#"{\#(version),\#(capabilities),"progressToken":1.5}"#, .wrongType(.progressToken)),
        (#"{\#(version),\#(capabilities),"progressToken":null}"#, .wrongType(.progressToken)),
        (#"{\#(version),\#(capabilities),"progressToken":{}}"#, .wrongType(.progressToken)),
    ])
    func `an incomplete envelope is refused by name`(meta: String, refusal: EnvelopeRefusal) throws {
        let (bytes, metadata) = try Self.read(meta)
        let found = metadata.envelopeRefusal(bytes.span)
        #expect(found == refusal)
        #expect(refusal.code.httpStatusInModern(isEnvelope: true) == 400)
        #expect(!refusal.reason.description.isEmpty)
    }

    @Test(arguments: [
        "{\(version),\(capabilities)}",
        #"{\#(version),\#(capabilities),"progressToken":"p","traceparent":"00-x","third.party/key":[1]}"#,
        #"{\#(version),\#(capabilities),"progressToken":1787000000000}"#,
        #"{\#(version),\#(capabilities),"io.modelcontextprotocol/clientInfo":{"name":"x","version":"1"}}"#,
    ])
    func `a complete envelope is accepted`(meta: String) throws {
        let (bytes, metadata) = try Self.read(meta)
        let refusal = metadata.envelopeRefusal(bytes.span)
        #expect(refusal == nil)
        #expect(metadata.claimsModern)
    }

    @Test func `a long progress token is refused`() throws {
        let (bytes, metadata) = try Self.read(#"{"progressToken":"\#(String(repeating: "p", count: 300))"}"#)
        let refusal = metadata.progressTokenRefusal(bytes.span)
        #expect(refusal == .wrongType(.progressToken))
    }

    @Test func `keys are found behind escapes, levels too`() throws {
        let (bytes, metadata) = try Self.read(
            #"{"io.modelcontextprotocol\/protocolVersion":1,"io.modelcontextprotocol/logLevel":"w\u0061rning"}"#)
        let level = metadata.requestedLogLevel(bytes.span)
        #expect(metadata.claimsModern)
        #expect(level == .warning)
    }

    @Test func `no metadata claims nothing`() {
        #expect(!RequestMetadata().claimsModern)
    }
}

@Suite struct StandardHeadersTests {
    private struct Bytes {
        var bytes: [UInt8] = []

        mutating func add(_ text: String?) -> ByteRange? {
            guard let text else { return nil }
            let start = self.bytes.count
            self.bytes.append(contentsOf: text.utf8)
            return ByteRange(start, self.bytes.count)
        }
    }

    @Test(
        arguments: [
            (nil, #""2026-07-28""#, StandardHeaders.Refusal.versionMissing),
            ("2026-07-28", #""2026-07-28""#, nil),
            (" 2026-07-28\t", #""2026-07-28""#, nil),
            ("2026-07-28", #""2026\u002d07-28""#, nil),
            ("2026-07-28", #""v999.0.0""#, .versionDiffers),
            ("v999.0.0", #""v999.0.0""#, nil),
            ("2025-11-25", #""2026-07-28""#, .versionDiffers),
            ("=?base64?MjAyNi0wNy0yOA==?=", #""2026-07-28""#, .versionDiffers),
            ("", #""2026-07-28""#, .versionDiffers),
        ] as [(String?, String, StandardHeaders.Refusal?)])
    func `the version header repeats the envelope`(header: String?, meta: String, expected: StandardHeaders.Refusal?) throws {
        var head = Bytes()
        var body = Bytes()
        let headers = StandardHeaders(version: head.add(header), method: nil, name: nil)
        let added = body.add(meta)
        let range = try #require(added)
        let refusal = headers.versionRefusal(head.bytes.span, body: body.bytes.span, metaVersion: range)
        #expect(refusal == expected)
    }

    typealias Row = (header: String?, name: String?, method: String, bodyName: String?, expected: StandardHeaders.Refusal?)

    @Test(
        arguments: [
            ("tools/call", "query", "tools/call", #""query""#, nil),
            (" tools/call ", "  query  ", "tools/call", #""query""#, nil),
            (nil, "query", "tools/call", #""query""#, .methodMissing),
            ("Tools/Call", "query", "tools/call", #""query""#, .methodDiffers),
            ("tools/list", "query", "tools/call", #""query""#, .methodDiffers),
            ("tools/call", nil, "tools/call", #""query""#, .nameMissing),
            ("tools/call", "Query", "tools/call", #""query""#, .nameDiffers),
            ("tools/call", "query", "tools/call", nil, .nameDiffers),
            ("tools/call", "7", "tools/call", "7", .nameDiffers),
            ("tools/call", nil, "tools/call", nil, nil),
            ("tools/call", "=?base64?cXVlcnk=?=", "tools/call", #""query""#, nil),
            ("tools/call", "=?base64?cXVlcnk?=", "tools/call", #""query""#, .nameMalformed),
            ("tools/call", "qu\u{e9}ry", "tools/call", #""qu\u00e9ry""#, .nameMalformed),
            ("tools/call", "=?base64?cXXDqXJ5?=", "tools/call", #""qu\u00e9ry""#, nil),
            ("tools/call", "=?base64?cXXDqXJ5?=", "tools/call", "\"qu\u{e9}ry\"", nil),
            ("tools/call", "=?base64?cXXDqXJ5?=", "tools/call", #""quêry""#, .nameDiffers),
            ("tools/call", "qu ry", "tools/call", #""qu\u0020ry""#, nil),
            ("tools/list", "ignored", "tools/list", nil, nil),
            ("tools/list", nil, "tools/list", nil, nil),
            ("resources/read", "file:///a", "resources/read", #""file:\/\/\/a""#, nil),
        ] as [Row])
    func `method and name headers repeat the body`(row: Row) throws {
        var head = Bytes()
        var body = Bytes()
        let headers = StandardHeaders(version: nil, method: head.add(row.header), name: head.add(row.name))
        let added = body.add("\"\(row.method)\"")
        let bodyMethod = try #require(added)
        let bodyName = body.add(row.bodyName)
        let refusal = headers.routingRefusal(
            head.bytes.span, body: body.bytes.span, method: MCPMethod([UInt8](row.method.utf8).span), bodyMethod: bodyMethod,
            bodyName: bodyName)
        #expect(refusal == row.expected)
        #expect(refusal?.code ?? .headerMismatch == .headerMismatch)
    }

    @Test func `a field that cannot be read is malformed, whatever its first line says`() throws {
        var head = Bytes()
        var body = Bytes()
        let version = head.add("2026-07-28")
        let method = head.add("tools/list")
        func headers(_ names: HTTPFieldName...) -> StandardHeaders {
            StandardHeaders(
                version: version, method: method, name: nil,
                misread: names.reduce(into: []) { $0.insert(HTTPFieldNames($1)) })
        }
        let addedVersion = body.add(#""2026-07-28""#)
        let addedMethod = body.add(#""tools/list""#)
        let metaVersion = try #require(addedVersion)
        let bodyMethod = try #require(addedMethod)
        func refusals(_ headers: StandardHeaders) -> [StandardHeaders.Refusal?] {
            let routing = headers.routingRefusal(
                head.bytes.span, body: body.bytes.span, method: .toolsList, bodyMethod: bodyMethod, bodyName: nil)
            return [headers.versionRefusal(head.bytes.span, body: body.bytes.span, metaVersion: metaVersion), routing]
        }
        #expect(refusals(headers()) == [nil, nil])
        #expect(refusals(headers(.mcpProtocolVersion)) == [.versionMalformed, nil])
        #expect(refusals(headers(.mcpMethod)) == [nil, .methodMalformed])
        #expect(refusals(headers(.mcpName)) == [nil, .nameMalformed], "also for a method without a name")
    }
}
