import Base
import MCP
import Wire

/// The paths for clients that speak plain HTTP instead of MCP: no session, no envelope, one request and one result.
enum RESTEndpoint: CaseIterable {
    /// `GET /mcp/tools?cursor=…`, `POST /mcp/tools/call`.
    case tools, call
    case initialize, toolsList, toolsCall, resourcesList, resourcesRead
    /// One JSON-RPC message in, its answer out: for the methods without a path.
    case message
    /// Streams: changes of lists, and the progress of the call that named `X-Operation-Id`.
    case subscribe, progress

    /// Below a server's prefix. Of `progress` what stands before the operation's name.
    var path: StaticString {
        switch self {
        case .tools: "/mcp/tools"
        case .call: "/mcp/tools/call"
        case .initialize: "/mcp/v1/initialize"
        case .toolsList: "/mcp/v1/tools/list"
        case .toolsCall: "/mcp/v1/tools/call"
        case .resourcesList: "/mcp/v1/resources/list"
        case .resourcesRead: "/mcp/v1/resources/read"
        case .message: "/mcp/v1/jsonrpc"
        case .subscribe: "/mcp/v1/sse/subscribe"
        case .progress: "/mcp/v1/sse/progress/"
        }
    }

    var isGet: Bool {
        switch self {
        case .tools, .subscribe, .progress: true
        case .call, .initialize, .toolsList, .toolsCall, .resourcesList, .resourcesRead, .message: false
        }
    }

    var isStream: Bool { self == .subscribe || self == .progress }

    /// What the client must accept. A client that says nothing accepts everything (RFC 9110 12.5.1).
    var answers: HTTPAccepts { self.isStream ? .eventStream : .json }

    /// The method of the message that such a request stands for. Nil: it is a message itself, or a stream.
    var method: MCPMethod? {
        switch self {
        case .tools, .toolsList: .toolsList
        case .call, .toolsCall: .toolsCall
        case .initialize: .initialize
        case .resourcesList: .resourcesList
        case .resourcesRead: .resourcesRead
        case .message, .subscribe, .progress: nil
        }
    }
}

/// What a client calls the work it waits for, so that it can follow its progress elsewhere. Only its own principal can name it.
struct Operation: Hashable {
    let server: Int
    let principal: Principal
    let name: [UInt8]

    static let nameBytesMax = 128

    /// 1 to 128 characters that need no escape, neither in a path nor in JSON: RFC 3986 calls them unreserved.
    static func isName(_ text: Span<UInt8>) -> Bool {
        guard text.count > 0, text.count <= Self.nameBytesMax else { return false }
        for index in 0..<text.count {
            switch text[index] {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: continue
            default: return false
            }
        }
        return true
    }
}

/// JSON-RPC answers as plain HTTP shows them: the bare `result`, or `{"error":…}` with a status that says whose fault it is.
enum RESTAnswer {
    /// The id of the messages that stand for such requests.
    static let id: StaticString = "0"
    private static let head: StaticString = #"{"jsonrpc":"2.0","#
    private static let identified: StaticString = #"{"jsonrpc":"2.0","id":0,"#
    private static let result: StaticString = #""result":"#
    private static let error: StaticString = #""error":"#

    /// Appends the body without its envelope, and returns the status that it needs, given the one that it had.
    static func append(_ body: Span<UInt8>, status: Int, to output: inout [UInt8]) -> Int {
        guard body.hasPrefix(Self.head) else {
            output.append(body)
            return status
        }
        let start = (body.hasPrefix(Self.identified) ? Self.identified : Self.head).utf8CodeUnitCount
        let rest = body.extracting(start..<body.count)
        if rest.hasPrefix(Self.result) {
            output.append(rest.extracting(Self.result.utf8CodeUnitCount..<rest.count - 1))
            return status
        }
        output.append(0x7B)
        output.append(rest)
        return status == 200 ? Self.status(ofError: rest) : status
    }

    /// For a body that begins with `"error":{…}`.
    static func status(ofError body: Span<UInt8>) -> Int {
        var members = JSONMembers()
        var scanner = JSONScanner(limits: .alreadyValidated)
        let object = ByteRange(Self.error.utf8CodeUnitCount, body.count - 1)
        guard body.hasPrefix(Self.error), (try? scanner.scanObject(body, at: object, into: &members)) != nil,
            let range = members.value("code", in: body), let code = JSONNumber.int64(body, range)
        else { return 500 }
        switch ErrorCode(rawValue: code) {
        case .methodNotFound, .resourceNotFound: return 404
        case .parseError, .invalidRequest, .invalidParams, .headerMismatch, .missingClientCapability, .unsupportedProtocolVersion:
            return 400
        default: return 500
        }
    }
}
