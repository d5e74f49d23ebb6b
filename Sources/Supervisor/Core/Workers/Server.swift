import Base
import MCP

/// One configured MCP server, as clients of one set of capabilities see it: its worker, the calls that wait for one, and what its
/// handshake said. A legacy worker plans on what its `initialize` said of its client, so clients that differ in that need different
/// workers; a modern one is told with every request.
struct Server {
    let configuration: ServerConfiguration
    /// The rules of the channel. While it is not known, those of the worker before; nothing is written to a worker by then. Stored: it
    /// is asked for with every call, and a method of this type copies all of it.
    private(set) var era: Revision.Era
    /// Nil until anything is known.
    private(set) var lastEra: Revision.Era?
    /// Index of the configured server; the first servers are these, each without any client capability.
    let definition: Int
    /// What a legacy worker was told that its clients can do.
    let capabilities: ClientCapabilities
    /// It asked for input without saying in which of its calls: from then on it has only one at a time in which it can ask. Holds for
    /// all that run the same program, until the supervisor ends.
    var isInteractive = false
    /// Its lists as clients know them.
    var catalogue = Catalogue()
    /// In which era it is spoken to, and how that is known.
    var eraProbe: EraProbe {
        didSet { self.noteEra() }
    }
    /// When a client last needed it. Only of those that are made for clients' capabilities.
    var lastUsed = Instant(nanoseconds: 0)
    /// It has no worker and gets none before a client needs it again.
    var isRetired = false
    var toolRules = ToolRules()
    /// What clients see before the cursors of its worker.
    var cursorTag = [UInt8](repeating: 0x2D, count: Cursor.tagBytes)
    /// Counts its worker processes.
    var epoch: UInt64 = 0
    var worker: WorkerKey?
    /// Calls no worker has room for, oldest first. Bound: `workers.queueMax`; beyond it calls are refused with 503.
    var queue = Queue<CallKey>()
    /// Bytes of their lines. Bound: `workers.queueBytesMax`, together with what the channel has not taken.
    var queuedBytes = 0
    /// `initialize` and `server/discover` of clients that came before the first handshake. Bound: `limits.calls`.
    var awaitingHandshake: [CallKey] = []
    /// Lists that the worker said have changed, in the bytes of it that are being read.
    var changedLists: ListKinds = []
    var restart: RestartPolicy
    /// From the latest successful handshake; kept while a dead worker is being replaced.
    private(set) var identity: ServerIdentity? {
        didSet { self.noteEra() }
    }
    /// What the worker was last told by `logging/setLevel`.
    var logLevel: LogLevel?
    /// Worker deaths since the supervisor started.
    var deaths = 0

    init(
        _ configuration: ServerConfiguration, definition: Int, capabilities: ClientCapabilities = [], restart: RestartPolicy
    ) {
        self.configuration = configuration
        self.definition = definition
        self.capabilities = capabilities
        self.restart = restart
        self.eraProbe = EraProbe(
            configured: configuration.fixedEra, limits: EraProbe.Limits(startTimeout: configuration.workers.startTimeout))
        self.lastEra = self.eraProbe.era
        self.era = self.lastEra ?? .legacy
    }

    var name: String { self.configuration.name }

    /// A worker has said who it is. One that says something else than the one before it most likely has other lists, too.
    mutating func identified(_ identity: ServerIdentity) {
        if let previous = self.identity, previous != identity { self.changedLists = identity.lists.union(previous.lists) }
        self.identity = identity
    }

    /// A server of the same program, for other clients: what is known of that program holds for it, too. What it
    /// offers may differ.
    mutating func resemble(_ other: Server) {
        self.isInteractive = other.isInteractive
        self.eraProbe = other.eraProbe.copy
    }

    private mutating func noteEra() {
        self.lastEra = self.eraProbe.era ?? self.identity?.era
        self.era = self.lastEra ?? .legacy
    }

    /// Servers of one configuration at the same time, for clients that differ in what they can do. Beyond it a client shares one that
    /// was told less.
    static let variantsMax = 8
    /// How long such a server is kept that no client needs.
    static let variantIdle = Interval.seconds(600)

    /// For clients, while `restart.refusesCalls`.
    var whyRefused: String {
        self.restart.state == .failed
            ? "the server \(self.name) failed for good: it is not restarted before its configuration is corrected"
            : "the server \(self.name) keeps failing and is not being restarted yet"
    }
}

/// Who answers, as raw JSON from the worker's handshake.
struct ServerIdentity: Equatable {
    /// The rules of the worker's channel.
    let era: Revision.Era
    /// What a legacy worker chose.
    var revision = Revision.latestModern
    /// `{"name":…,"version":…}`
    var serverInfo: [UInt8]
    /// A JSON string, or empty.
    var instructions: [UInt8]
    /// The worker's capabilities that the supervisor can carry, each as `"key":value`.
    var capabilities: [Capability]
    /// The lists whose changes it says it will tell.
    var changing: ListKinds = []

    struct Capability: Equatable {
        let name: CapabilityName
        let value: [UInt8]
    }

    /// The lists that it has.
    var lists: ListKinds {
        var lists: ListKinds = []
        if self.has(.tools) { lists.insert(.tools) }
        if self.has(.prompts) { lists.insert(.prompts) }
        if self.has(.resources) { lists.insert(.resources) }
        return lists
    }

    /// Whether clients can be told of changes of single resources.
    var hasSubscriptions: Bool {
        self.capabilities.contains { $0.name == .resources && $0.value.starts(with: #"{"subscribe":true"#.utf8) }
    }

    func has(_ name: CapabilityName) -> Bool { self.capabilities.contains { $0.name == name } }

    /// Appends the object for a client of `revision`.
    func appendCapabilities(for revision: Revision, to output: inout [UInt8]) {
        output.append(0x7B)
        var isFirst = true
        for capability in self.capabilities where capability.name != .completions || revision > .v2024_11_05 {
            RequestRewrite.separate(&isFirst, &output)
            output.append(0x22)
            output.append(capability.name.text)
            output.append("\":")
            output.append(contentsOf: capability.value)
        }
        output.append(0x7D)
    }
}

/// Server capabilities that are passed on to clients. Others would promise what the supervisor does not carry.
enum CapabilityName: CaseIterable, Equatable {
    case tools, prompts, resources, logging, completions

    var text: StaticString {
        switch self {
        case .tools: "tools"
        case .prompts: "prompts"
        case .resources: "resources"
        case .logging: "logging"
        case .completions: "completions"
        }
    }

    /// The capability that a request needs; nil when it needs none.
    static func needed(for method: MCPMethod) -> Self? {
        switch method {
        case .toolsList, .toolsCall: .tools
        case .promptsList, .promptsGet: .prompts
        case .resourcesList, .resourcesTemplatesList, .resourcesRead: .resources
        case .loggingSetLevel: .logging
        case .completionComplete: .completions
        default: nil
        }
    }
}
