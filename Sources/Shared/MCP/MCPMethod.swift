import Base

/// Every method and notification that some revision defines. `unknown` stands for all others, which may still be passed to a worker.
public enum MCPMethod: UInt8, CaseIterable, Sendable {
    // Requests.
    case initialize, serverDiscover, ping
    case toolsList, toolsCall
    case promptsList, promptsGet
    case resourcesList, resourcesTemplatesList, resourcesRead, resourcesSubscribe, resourcesUnsubscribe
    case completionComplete, loggingSetLevel
    case tasksGet, tasksResult, tasksCancel, tasksList, tasksUpdate
    case subscriptionsListen
    case rootsList, samplingCreateMessage, elicitationCreate
    // Notifications.
    case notificationsInitialized, notificationsCancelled, notificationsProgress, notificationsMessage
    case notificationsRootsListChanged, notificationsToolsListChanged, notificationsPromptsListChanged
    case notificationsResourcesListChanged, notificationsResourcesUpdated
    case notificationsElicitationComplete, notificationsTasksStatus, notificationsTasks
    case notificationsSubscriptionsAcknowledged
    case unknown

    /// Reads a method name without its quotes. Exact and case-sensitive; a name written with JSON escapes must be unescaped first.
    public init(_ bytes: Span<UInt8>) {
        self = .unknown
        for candidate in Self.named(withByteCount: bytes.count) where bytes.equals(candidate.text) {
            self = candidate
            return
        }
    }

    /// The names of one length. At most five, so a lookup compares a handful of bytes.
    private static func named(withByteCount count: Int) -> [Self] {
        count >= 0 && count < Self.byByteCount.count ? Self.byByteCount[count] : []
    }

    /// Indexed by the length of the name.
    private static let byByteCount: [[Self]] = {
        let longest = Self.allCases.map(\.text.utf8CodeUnitCount).max() ?? 0
        var table = [[Self]](repeating: [], count: longest + 1)
        for method in Self.allCases where method != .unknown { table[method.text.utf8CodeUnitCount].append(method) }
        return table
    }()

    /// The name on the wire. Empty for `unknown`.
    public var text: StaticString {
        switch self {
        case .initialize: "initialize"
        case .serverDiscover: "server/discover"
        case .ping: "ping"
        case .toolsList: "tools/list"
        case .toolsCall: "tools/call"
        case .promptsList: "prompts/list"
        case .promptsGet: "prompts/get"
        case .resourcesList: "resources/list"
        case .resourcesTemplatesList: "resources/templates/list"
        case .resourcesRead: "resources/read"
        case .resourcesSubscribe: "resources/subscribe"
        case .resourcesUnsubscribe: "resources/unsubscribe"
        case .completionComplete: "completion/complete"
        case .loggingSetLevel: "logging/setLevel"
        case .tasksGet: "tasks/get"
        case .tasksResult: "tasks/result"
        case .tasksCancel: "tasks/cancel"
        case .tasksList: "tasks/list"
        case .tasksUpdate: "tasks/update"
        case .subscriptionsListen: "subscriptions/listen"
        case .rootsList: "roots/list"
        case .samplingCreateMessage: "sampling/createMessage"
        case .elicitationCreate: "elicitation/create"
        case .notificationsInitialized: "notifications/initialized"
        case .notificationsCancelled: "notifications/cancelled"
        case .notificationsProgress: "notifications/progress"
        case .notificationsMessage: "notifications/message"
        case .notificationsRootsListChanged: "notifications/roots/list_changed"
        case .notificationsToolsListChanged: "notifications/tools/list_changed"
        case .notificationsPromptsListChanged: "notifications/prompts/list_changed"
        case .notificationsResourcesListChanged: "notifications/resources/list_changed"
        case .notificationsResourcesUpdated: "notifications/resources/updated"
        case .notificationsElicitationComplete: "notifications/elicitation/complete"
        case .notificationsTasksStatus: "notifications/tasks/status"
        case .notificationsTasks: "notifications/tasks"
        case .notificationsSubscriptionsAcknowledged: "notifications/subscriptions/acknowledged"
        case .unknown: ""
        }
    }

    public var isNotification: Bool {
        self.rawValue >= Self.notificationsInitialized.rawValue && self != .unknown
    }
}

/// Which requests carry an `Mcp-Name` header in 2026-07-28, and which results say how long they may be kept.
extension MCPMethod {
    /// The member of `params` that the `Mcp-Name` header repeats, or nil for methods without that header.
    public var nameParameter: StaticString? {
        switch self {
        case .toolsCall, .promptsGet: "name"
        case .resourcesRead: "uri"
        case .tasksGet, .tasksUpdate, .tasksCancel: "taskId"
        case .initialize, .serverDiscover, .ping, .toolsList, .promptsList, .resourcesList, .resourcesTemplatesList,
            .resourcesSubscribe, .resourcesUnsubscribe, .completionComplete, .loggingSetLevel, .tasksResult, .tasksList,
            .subscriptionsListen, .rootsList, .samplingCreateMessage, .elicitationCreate, .notificationsInitialized,
            .notificationsCancelled, .notificationsProgress, .notificationsMessage, .notificationsRootsListChanged,
            .notificationsToolsListChanged, .notificationsPromptsListChanged, .notificationsResourcesListChanged,
            .notificationsResourcesUpdated, .notificationsElicitationComplete, .notificationsTasksStatus, .notificationsTasks,
            .notificationsSubscriptionsAcknowledged, .unknown:
            nil
        }
    }

    /// Whether a `complete` result of this method must carry `ttlMs` and `cacheScope` in 2026-07-28.
    public var isCacheable: Bool {
        switch self {
        case .serverDiscover, .toolsList, .promptsList, .resourcesList, .resourcesTemplatesList, .resourcesRead: true
        case .initialize, .ping, .toolsCall, .promptsGet, .resourcesSubscribe, .resourcesUnsubscribe, .completionComplete,
            .loggingSetLevel, .tasksGet, .tasksResult, .tasksCancel, .tasksList, .tasksUpdate, .subscriptionsListen, .rootsList,
            .samplingCreateMessage, .elicitationCreate, .notificationsInitialized, .notificationsCancelled,
            .notificationsProgress, .notificationsMessage, .notificationsRootsListChanged, .notificationsToolsListChanged,
            .notificationsPromptsListChanged, .notificationsResourcesListChanged, .notificationsResourcesUpdated,
            .notificationsElicitationComplete, .notificationsTasksStatus, .notificationsTasks,
            .notificationsSubscriptionsAcknowledged, .unknown:
            false
        }
    }
}

extension MCPMethod {
    /// Whether the answer may be an `input_required` result that the client answers by asking again (2026-07-28).
    public var mayRequireInput: Bool { self == .toolsCall || self == .promptsGet || self == .resourcesRead }

    /// Whether a legacy worker may ask for input in the middle of such a request. Those beyond `mayRequireInput` are odd, but exist.
    public var mayAskForInput: Bool { self.mayRequireInput || self == .completionComplete || self == .resourcesList }
}
