import Base
import MCP
import Wire

/// What the lists of a server said when they last passed by, as far as its next worker is concerned: whether that one has the same,
/// and which of its tools may be called twice.
///
/// The annotations are hints of the server about itself. They are believed for nothing but what they are made for: whether a call
/// that a dead worker left without an answer can be made again.
struct Catalogue: Equatable, Sendable {
    /// Of the first page of each list, by place in `kinds`. Nil: nobody has asked for it.
    private var digests: [UInt64?] = [nil, nil, nil]
    /// Names of tools annotated as read-only or idempotent, as JSON strings. Bound: `toolsMax`.
    private var harmlessTools: Set<[UInt8]> = []

    static let kinds: [(list: ListKinds, method: MCPMethod, member: StaticString)] = [
        (.tools, .toolsList, "tools"), (.prompts, .promptsList, "prompts"), (.resources, .resourcesList, "resources"),
    ]
    private static let toolsMax = 10_000

    /// The lists that somebody has asked for.
    var known: ListKinds {
        var known: ListKinds = []
        for (place, kind) in Self.kinds.enumerated() where self.digests[place] != nil { known.insert(kind.list) }
        return known
    }

    /// A list passes by: `members` are those of the result. Returns the list if it is not what it was.
    mutating func listed(_ method: MCPMethod, isFirstPage: Bool, _ members: JSONMembers, _ bytes: Span<UInt8>) -> ListKinds {
        guard let place = Self.kinds.firstIndex(where: { $0.method == method }),
            let list = members.value(Self.kinds[place].member, in: bytes), jsonKind(bytes, list) == .array
        else { return [] }
        let digest = Self.digest(bytes, list)
        if isFirstPage, digest == self.digests[place] { return [] }
        if method == .toolsList { self.readTools(bytes, list, isFirstPage: isFirstPage) }
        guard isFirstPage else { return [] }
        let isNew = self.digests[place] != nil
        self.digests[place] = digest
        return isNew ? Self.kinds[place].list : []
    }

    /// Whether a tool may be called twice. `name` is its JSON string.
    func isHarmless(_ name: Span<UInt8>) -> Bool {
        !self.harmlessTools.isEmpty && self.harmlessTools.contains([UInt8](name, ByteRange(0, name.count)))
    }

    private mutating func readTools(_ bytes: Span<UInt8>, _ list: ByteRange, isFirstPage: Bool) {
        if isFirstPage { self.harmlessTools.removeAll() }
        var scanner = JSONScanner(limits: .alreadyValidated)
        var tools: [ByteRange] = []
        var members = JSONMembers()
        guard (try? scanner.scanArray(bytes, at: list, elementsMax: Self.toolsMax, into: &tools)) != nil else { return }
        for tool in tools where self.harmlessTools.count < Self.toolsMax {
            guard jsonKind(bytes, tool) == .object, (try? scanner.scanObject(bytes, at: tool, into: &members)) != nil,
                let name = members.value("name", in: bytes), jsonKind(bytes, name) == .string,
                let annotations = members.value("annotations", in: bytes), jsonKind(bytes, annotations) == .object,
                (try? scanner.scanObject(bytes, at: annotations, into: &members)) != nil
            else { continue }
            let isHarmless = ["readOnlyHint", "idempotentHint"].contains { (hint: StaticString) in
                members.value(hint, in: bytes).map { bytes.extracting($0.range).equals("true") } ?? false
            }
            if isHarmless { self.harmlessTools.insert([UInt8](bytes, name)) }
        }
    }

    /// FNV-1a, which is enough to notice a change that nobody makes on purpose to go unnoticed.
    private static func digest(_ bytes: Span<UInt8>, _ range: ByteRange) -> UInt64 {
        var digest: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in range.range { digest = (digest ^ UInt64(bytes[index])) &* 0x100_0000_01B3 }
        return digest
    }
}
