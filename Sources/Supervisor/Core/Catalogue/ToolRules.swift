import Base
import MCP
import Wire

/// What the supervisor knows of one worker's tools: which arguments its clients must repeat in `Mcp-Param-*` fields.
///
///     unknown ──a call needs it──▶ asked, page by page ──last page──▶ complete ──`list_changed`, another process──▶ unknown
struct ToolRules {
    var headers = ParameterHeaders()
    /// When the whole list was read last; nil while it is not known.
    var completeSince: Instant?
    var isAsked = false
    /// When what was asked is waited for no longer.
    var giveUpAt = Instant.distantFuture
    /// It changed while it was being read.
    var isStale = false
    var pages = 0
    /// Calls that wait for it. Bound: `workers.queue`, and `workers.queueBytes` for what they hold.
    var waiting: [CallKey] = []

    /// Bound: as many pages are read.
    static let pagesMax = 100
    /// How long a worker may take to list its tools before its calls are made without a comparison.
    static let patience = Interval.seconds(5)
    /// A list that is so new is not read again because a call contradicts it.
    static let freshFor = Interval.seconds(5)

    func isFresh(at now: Instant) -> Bool { self.completeSince.map { $0 + Self.freshFor > now } ?? false }

    mutating func changed() {
        self.headers.removeAll()
        self.completeSince = nil
        self.isStale = self.isAsked
    }

    /// Another process: nothing that was asked will be answered.
    mutating func workerLost() {
        self.changed()
        self.isAsked = false
        self.isStale = false
    }
}

/// The `Mcp-Param-*` fields of one request, in bytes of their own.
struct ParameterFields {
    private(set) var bytes: [UInt8] = []
    private(set) var fields: [ParameterHeaders.Field] = []

    init(_ head: HTTPRequestHead, _ bytes: Span<UInt8>) {
        for field in ParameterHeaders.fields(of: head, in: bytes) {  // Bound: the fields of a head.
            let name = self.append(bytes, field.name)
            self.fields.append(.init(name: name, value: self.append(bytes, field.value)))
        }
    }

    private mutating func append(_ bytes: Span<UInt8>, _ range: ByteRange) -> ByteRange {
        let start = self.bytes.count
        self.bytes.append(bytes, range)
        return ByteRange(start, self.bytes.count)
    }
}

/// A call that waits until the worker has listed its tools.
struct HeldCall {
    let message: [UInt8]
    let fields: ParameterFields
    let definition: Int
}
