import Base
import MCP
import Testing

@Suite struct MCPMethodTests {
    @Test(arguments: MCPMethod.allCases.filter { $0 != .unknown })
    func `every method reads its own name`(method: MCPMethod) {
        #expect(MCPMethod([UInt8](method.text).span) == method)
        #expect(method.isNotification == method.text.description.hasPrefix("notifications/"))
    }

    @Test(arguments: ["", "Ping", "ping ", "tools/calls", "tools/lisT", "notifications/", String(repeating: "x", count: 5_000)])
    func `any other name is unknown`(name: String) {
        #expect(MCPMethod([UInt8](name.utf8).span) == .unknown)
        #expect(!MCPMethod.unknown.isNotification)
    }

    @Test func `modern servers do not know the methods of the handshake era`() {
        let removed = MCPMethod.allCases.filter(\.isRemovedInModern)
        #expect(
            removed == [
                .initialize, .ping, .resourcesSubscribe, .resourcesUnsubscribe, .loggingSetLevel, .tasksResult, .tasksList,
                .notificationsInitialized, .notificationsProgress, .notificationsRootsListChanged, .notificationsTasksStatus,
            ])
    }

    @Test func `six results say how long they may be kept`() {
        #expect(
            MCPMethod.allCases.filter(\.isCacheable) == [
                .serverDiscover, .toolsList, .promptsList, .resourcesList, .resourcesTemplatesList, .resourcesRead,
            ])
    }

    @Test func `six methods repeat a parameter in Mcp-Name`() {
        let named = MCPMethod.allCases.filter { $0.nameParameter != nil }
        #expect(named == [.toolsCall, .promptsGet, .resourcesRead, .tasksGet, .tasksCancel, .tasksUpdate])
        #expect(named.map { $0.nameParameter?.description } == ["name", "name", "uri", "taskId", "taskId", "taskId"])
    }

    /// One row per method that a client may send: availability in the five revisions, `+` core, `e` extension, `-` absent.
    @Test(arguments: [
        (MCPMethod.initialize, "++++-"), (.serverDiscover, "----+"), (.ping, "++++-"), (.toolsList, "+++++"),
        (.toolsCall, "+++++"),
        (.promptsList, "+++++"), (.promptsGet, "+++++"), (.resourcesList, "+++++"), (.resourcesTemplatesList, "+++++"),
        (.resourcesRead, "+++++"), (.resourcesSubscribe, "++++-"), (.resourcesUnsubscribe, "++++-"),
        (.completionComplete, "+++++"),
        (.loggingSetLevel, "++++-"), (.tasksGet, "---+e"), (.tasksResult, "---+-"), (.tasksCancel, "---+e"),
        (.tasksList, "---+-"),
        (.tasksUpdate, "----e"), (.subscriptionsListen, "----+"), (.notificationsInitialized, "++++-"),
        (.notificationsCancelled, "+++++"), (.notificationsProgress, "++++-"), (.notificationsRootsListChanged, "++++-"),
        (.notificationsTasksStatus, "---+-"), (.rootsList, "-----"), (.samplingCreateMessage, "-----"), (.unknown, "-----"),
    ])
    func `clients may send what their revision defines`(method: MCPMethod, row: String) {
        #expect(Self.row(method, from: .client) == row)
    }

    @Test(arguments: [
        (MCPMethod.ping, "++++-"), (.rootsList, "++++-"), (.samplingCreateMessage, "++++-"), (.elicitationCreate, "--++-"),
        (.tasksGet, "---+-"), (.tasksResult, "---+-"), (.tasksCancel, "---+-"), (.tasksList, "---+-"), (.tasksUpdate, "-----"),
        (.notificationsCancelled, "+++++"), (.notificationsProgress, "+++++"), (.notificationsMessage, "+++++"),
        (.notificationsResourcesUpdated, "+++++"), (.notificationsResourcesListChanged, "+++++"),
        (.notificationsToolsListChanged, "+++++"), (.notificationsPromptsListChanged, "+++++"),
        (.notificationsElicitationComplete, "---+-"), (.notificationsTasksStatus, "---+-"),
        (.notificationsSubscriptionsAcknowledged, "----+"), (.notificationsTasks, "----e"), (.toolsCall, "-----"),
    ])
    func `servers may send what their revision defines`(method: MCPMethod, row: String) {
        #expect(Self.row(method, from: .server) == row)
    }

    @Test func `whatever else there is goes the other way only`() {
        let client: [MCPMethod] = [
            .elicitationCreate, .notificationsMessage, .notificationsToolsListChanged, .notificationsPromptsListChanged,
            .notificationsResourcesListChanged, .notificationsResourcesUpdated, .notificationsElicitationComplete,
            .notificationsTasks, .notificationsSubscriptionsAcknowledged, .rootsList, .samplingCreateMessage, .unknown,
        ]
        for method in MCPMethod.allCases { #expect((Self.row(method, from: .client) == "-----") == client.contains(method)) }
        let server: [MCPMethod] = [
            .initialize, .serverDiscover, .toolsList, .toolsCall, .promptsList, .promptsGet, .resourcesList,
            .resourcesTemplatesList, .resourcesRead, .resourcesSubscribe, .resourcesUnsubscribe, .completionComplete,
            .loggingSetLevel, .tasksUpdate, .subscriptionsListen, .notificationsInitialized, .notificationsRootsListChanged,
            .unknown,
        ]
        for method in MCPMethod.allCases { #expect((Self.row(method, from: .server) == "-----") == server.contains(method)) }
    }

    private static func row(_ method: MCPMethod, from sender: MessageSender) -> String {
        Revision.allCases.map { revision in
            switch method.availability(from: sender, in: revision) {
            case .core: "+"
            case .byExtension: "e"
            case .absent: "-"
            }
        }.joined()
    }
}

@Suite struct ErrorCodeTests {
    @Test(arguments: [
        (ErrorCode.parseError, 400), (.invalidRequest, 400), (.methodNotFound, 404), (.invalidParams, 200), (.internalError, 200),
        (.headerMismatch, 400), (.missingClientCapability, 400), (.unsupportedProtocolVersion, 400),
        (ErrorCode(rawValue: 7), 200),
    ])
    func `a modern error has its status`(code: ErrorCode, status: Int) {
        #expect(code.httpStatusInModern() == status)
    }

    @Test func `an incomplete envelope is the request's fault`() {
        #expect(ErrorCode.invalidParams.httpStatusInModern(isEnvelope: true) == 400)
        #expect(ErrorCode.internalError.httpStatusInModern(isEnvelope: true) == 200)
    }

    @Test(
        arguments: [
            (-32700, true), (-32600, true), (-32603, true), (-32022, true), (-32020, true), (-32019, false), (-32000, false),
            (-32001, false), (-32002, false), (-32023, false), (-32042, false), (-32099, false), (-32100, true), (-1, true),
        ] as [(Int64, Bool)])
    func `legacy codes never reach a modern client`(code: Int64, mayBeSent: Bool) {
        #expect(ErrorCode(rawValue: code).mayBeSentToModernClient == mayBeSent)
    }
}
