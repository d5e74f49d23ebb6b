public import Base
public import Wire

/// Which arguments of which tools a modern client repeats in `Mcp-Param-*` header fields, as the tools' input schemas say by
/// `x-mcp-header`, and whether a call does so (2026-07-28, "Custom headers from tool parameters").
///
/// Filled from `tools/list`; a tool that was listed without any annotation is known as well, so that a call of an unknown one can be
/// told apart and the list be asked for. Annotations that the revision calls invalid (no token, a type other than `string`, `integer`
/// and `boolean`, a name that another one has, not reached by `properties` alone) are no rule for anybody and are left out.
public struct ParameterHeaders: Sendable {
    public enum Verdict: Equatable, Sendable {
        case accepted
        /// The tool has not been listed. Ask the worker for its tools once, then let the call pass.
        case unknownTool
        /// HTTP 400.
        case refused(Refusal)
    }

    /// Error -32020.
    public struct Refusal: Equatable, Sendable {
        public enum Cause: Equatable, Sendable {
            case missing
            /// More than one field: a proxy may have read the other one.
            case repeated
            /// Neither visible ASCII nor canonical Base64 of UTF-8.
            case malformed
            case differs
            /// The argument is null or absent. Proxies would route by a value that the tool never sees.
            case unexpected
        }

        public let cause: Cause
        /// As the schema writes it, without `Mcp-Param-`. A token.
        public let header: [UInt8]

        public init(cause: Cause, header: [UInt8]) {
            self.cause = cause
            self.header = header
        }

        public var code: ErrorCode { .headerMismatch }

        /// Appends the error's message, which is not a JSON string yet.
        public func appendReason(to text: inout [UInt8]) {
            text.append("The Mcp-Param-")
            text.append(contentsOf: self.header)
            switch self.cause {
            case .missing: text.append(" header is required for this call")
            case .repeated: text.append(" header must not be repeated")
            case .malformed: text.append(" header is neither visible ASCII nor canonical =?base64?...?= of UTF-8")
            case .differs: text.append(" header differs from the argument that it repeats")
            case .unexpected: text.append(" header is present, but the argument that it repeats is not")
            }
        }
    }

    /// A header field whose name begins with `Mcp-Param-`, as ranges of the request head.
    public struct Field: Equatable, Sendable {
        /// Behind the prefix.
        public let name: ByteRange
        public let value: ByteRange

        public init(name: ByteRange, value: ByteRange) {
            self.name = name
            self.value = value
        }
    }

    /// A member of an input schema that is annotated or that leads to one that is.
    private struct Parameter: Sendable {
        let key: [UInt8]
        let header: [UInt8]?
        let children: [Parameter]
    }

    public static let toolsMax = 4_096
    /// Bound: for one tool, over all depths.
    public static let annotationsMax = 64
    public static let depthMax = 16
    /// Bound: names and keys that are kept, for all tools together.
    public static let bytesMax = 1 << 20

    private var tools: [[UInt8]: [Parameter]] = [:]
    private var bytesLeft = Self.bytesMax

    public init() {}

    /// Tools listed so far.
    public var count: Int { self.tools.count }

    /// Tools whose calls must repeat an argument.
    private var annotated = 0
    /// Whether any call has to be looked at.
    public var hasRules: Bool { self.annotated > 0 }

    public mutating func removeAll() { self = Self() }

    /// Adds the tools of one page of `tools/list`, of whose result these are the members. A tool that is listed again is replaced.
    public mutating func add(_ result: borrowing JSONMembers, _ bytes: Span<UInt8>) {
        guard let list = result.value("tools", in: bytes) else { return }
        var scanner = JSONScanner(limits: .secondLook)
        var elements: [ByteRange] = []
        // Expected: whatever is no list holds no tools.
        try? scanner.scanArray(bytes, at: list, elementsMax: .max, into: &elements)
        for element in elements {
            guard let tool = Self.members(element, bytes), let name = tool.value("name", in: bytes),
                jsonKind(bytes, name) == .string
            else { continue }
            self.add(JSONString.unescape(bytes, name), schema: tool.value("inputSchema", in: bytes), bytes)
        }
    }

    private mutating func add(_ name: [UInt8], schema: ByteRange?, _ bytes: Span<UInt8>) {
        if let old = self.tools.removeValue(forKey: name) {
            self.bytesLeft += name.count + Self.cost(old)
            if !old.isEmpty { self.annotated -= 1 }
        }
        guard self.tools.count < Self.toolsMax, name.count <= self.bytesLeft else { return }
        var collector = Collector()
        if let schema { collector.countNames(schema, bytes, depth: 0) }
        let parameters = schema.map { collector.parameters($0, bytes, depth: 0) } ?? []
        let cost = name.count + Self.cost(parameters)
        guard cost <= self.bytesLeft else { return }
        self.bytesLeft -= cost
        self.tools[name] = parameters
        if !parameters.isEmpty { self.annotated += 1 }
    }

    private static func cost(_ parameters: [Parameter]) -> Int {
        parameters.reduce(0) { $0 + $1.key.count + ($1.header?.count ?? 0) + Self.cost($1.children) }
    }

    private static func members(_ object: ByteRange, _ bytes: Span<UInt8>) -> JSONMembers? {
        guard jsonKind(bytes, object) == .object else { return nil }
        var scanner = JSONScanner(limits: .secondLook)
        var members = JSONMembers()
        do throws(JSONError) { try scanner.scanObject(bytes, at: object, into: &members) } catch { return nil }
        return members
    }

    /// Walks one input schema, twice: a name that occurs twice is valid nowhere.
    private struct Collector {
        /// By name in lower case; how often it occurs.
        private var names: [[UInt8]: Int] = [:]

        mutating func countNames(_ schema: ByteRange, _ bytes: Span<UInt8>, depth: Int) {
            self.forEachProperty(schema, bytes, depth) { collector, _, property, header in
                if let header { collector.count(header.map(ASCII.lowercased)) }
                collector.countNames(property, bytes, depth: depth + 1)
            }
        }

        private mutating func count(_ name: [UInt8]) {
            // A name that is not counted is not valid either.
            guard self.names[name] != nil || self.names.count < ParameterHeaders.annotationsMax else { return }
            self.names[name, default: 0] += 1
        }

        mutating func parameters(_ schema: ByteRange, _ bytes: Span<UInt8>, depth: Int) -> [Parameter] {
            var parameters: [Parameter] = []
            self.forEachProperty(schema, bytes, depth) { collector, key, property, header in
                let isOnly = header.map { collector.names[$0.map(ASCII.lowercased)] == 1 } ?? false
                let children = collector.parameters(property, bytes, depth: depth + 1)
                guard isOnly || !children.isEmpty else { return }
                let text = JSONString.unescape(bytes, ByteRange(key.lowerBound - 1, key.upperBound + 1))
                parameters.append(Parameter(key: text, header: isOnly ? header : nil, children: children))
            }
            return parameters
        }

        /// Calls `visit` with the key, the schema and the valid annotation of each of the `properties`.
        private mutating func forEachProperty(
            _ schema: ByteRange, _ bytes: Span<UInt8>, _ depth: Int,
            _ visit: (inout Collector, ByteRange, ByteRange, [UInt8]?) -> Void
        ) {
            // Bound: each depth scans the schema once more.
            guard depth < ParameterHeaders.depthMax, let members = ParameterHeaders.members(schema, bytes),
                let properties = members.value("properties", in: bytes),
                let table = ParameterHeaders.members(properties, bytes)
            else { return }
            for property in table.members {
                guard let inner = ParameterHeaders.members(property.value, bytes) else { continue }
                visit(&self, property.key, property.value, Self.annotation(inner, bytes))
            }
        }

        private static func annotation(_ schema: JSONMembers, _ bytes: Span<UInt8>) -> [UInt8]? {
            guard let name = schema.value("x-mcp-header", in: bytes), jsonKind(bytes, name) == .string,
                let type = schema.value("type", in: bytes), Self.isAllowed(type, bytes)
            else { return nil }
            let text = JSONString.unescape(bytes, name)
            guard !text.isEmpty, text.count <= 256, text.allSatisfy(ParameterHeaders.isTokenByte) else { return nil }
            return text
        }

        /// One of the three types, or that type and null: an argument that may be null has no header when it is.
        private static func isAllowed(_ type: ByteRange, _ bytes: Span<UInt8>) -> Bool {
            if jsonKind(bytes, type) == .string { return Self.isPlain(type, bytes) }
            guard jsonKind(bytes, type) == .array else { return false }
            var scanner = JSONScanner(limits: .secondLook)
            var types: [ByteRange] = []
            // Expected: too many types are not one of the allowed lists either.
            try? scanner.scanArray(bytes, at: type, elementsMax: 2, into: &types)
            let plain = types.filter { Self.isPlain($0, bytes) }
            return plain.count == 1 && types.allSatisfy { Self.isPlain($0, bytes) || JSONString.equals(bytes, $0, "null") }
        }

        private static func isPlain(_ type: ByteRange, _ bytes: Span<UInt8>) -> Bool {
            JSONString.equals(bytes, type, "string") || JSONString.equals(bytes, type, "integer")
                || JSONString.equals(bytes, type, "boolean")
        }
    }

    /// RFC 9110 5.6.2.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x5E...0x7A, 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x7C, 0x7E: true
        default: false
        }
    }
}

extension ParameterHeaders {
    /// The `Mcp-Param-*` fields of a request head, whose span is `bytes`. Bound: the fields of a head.
    public static func fields(of head: HTTPRequestHead, in bytes: Span<UInt8>) -> [Field] {
        let prefix: StaticString = "mcp-param-"
        let count = prefix.utf8CodeUnitCount
        var fields: [Field] = []
        head.forEachField(in: bytes) { name, value in
            guard name.count > count,
                bytes.extracting(name.lowerBound..<(name.lowerBound + count)).equalsIgnoringASCIICase(prefix)
            else { return }
            fields.append(Field(name: ByteRange(name.lowerBound + count, name.upperBound), value: value))
        }
        return fields
    }

    /// Checks a `tools/call`. `arguments` is the value in `body`; `fields` are those of `head`. Fields that no annotation names are
    /// nobody's business here.
    public func check(
        tool: [UInt8], arguments: ByteRange?, body: Span<UInt8>, fields: [Field], head: Span<UInt8>
    ) -> Verdict {
        guard let parameters = self.tools[tool] else { return .unknownTool }
        guard !parameters.isEmpty else { return .accepted }
        let refusal = Self.refusal(parameters, arguments, body, fields, head)
        return refusal.map { .refused($0) } ?? .accepted
    }

    /// Each byte of the arguments is scanned at most once for each depth.
    private static func refusal(
        _ parameters: [Parameter], _ object: ByteRange?, _ body: Span<UInt8>, _ fields: [Field], _ head: Span<UInt8>
    ) -> Refusal? {
        let members = object.flatMap { Self.members($0, body) } ?? JSONMembers()
        for parameter in parameters {
            let value = members.value(parameter.key.span, in: body)
            if let header = parameter.header, let cause = Self.cause(header, value, body, fields, head) {
                return Refusal(cause: cause, header: header)
            }
            if let refusal = Self.refusal(parameter.children, value, body, fields, head) { return refusal }
        }
        return nil
    }

    private static func cause(
        _ header: [UInt8], _ value: ByteRange?, _ body: Span<UInt8>, _ fields: [Field], _ head: Span<UInt8>
    ) -> Refusal.Cause? {
        let found = fields.filter { Self.isSame(head.extracting($0.name.range), header.span) }
        guard found.count <= 1 else { return .repeated }
        guard let value, jsonKind(body, value) != .null else { return found.isEmpty ? nil : .unexpected }
        guard let field = found.first else { return .missing }
        let text = HeaderValue(head, field.value)
        switch text {
        case .malformed: return .malformed
        case .literal(let range): return Self.isEqual(head.extracting(range.range), value, body) ? nil : .differs
        case .decoded(let decoded): return Self.isEqual(decoded.span, value, body) ? nil : .differs
        }
    }

    private static func isEqual(_ text: Span<UInt8>, _ value: ByteRange, _ body: Span<UInt8>) -> Bool {
        switch jsonKind(body, value) {
        case .string: text.equals(JSONString.unescape(body, value).span)
        case .true: text.equals("true")
        case .false: text.equals("false")
        case .number: CanonicalJSON.areEqualNumbers(text, body.extracting(value.range))
        // No header can repeat these.
        case .object, .array, .null: false
        }
    }

    /// Field names are compared without regard to case (RFC 9110 5.1).
    private static func isSame(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        for index in left.indices where ASCII.lowercased(left[index]) != ASCII.lowercased(right[index]) { return false }
        return true
    }
}
