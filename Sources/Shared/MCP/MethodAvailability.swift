/// Which revision defines a method, and in which direction.
public enum MethodAvailability: Equatable, Sendable {
    /// The revision's own schema has it.
    case core
    /// An extension of the revision has it, so it exists only where that extension was declared.
    case byExtension
    case absent
}

/// Who sends a message. Some methods go both ways with different histories.
public enum MessageSender: Equatable, Sendable {
    case client, server
}

extension MCPMethod {
    /// Where `sender` may use this method in `revision`.
    public func availability(from sender: MessageSender, in revision: Revision) -> MethodAvailability {
        switch sender {
        case .client: self.availabilityFromClient(in: revision)
        case .server: self.availabilityFromServer(in: revision)
        }
    }

    /// Client methods that a modern server must answer with HTTP 404 and -32601 although it knows them from older revisions.
    public var isRemovedInModern: Bool {
        guard self.availabilityFromClient(in: .latestModern) == .absent else { return false }
        return Revision.legacy.contains { self.availabilityFromClient(in: $0) != .absent }
    }

    private func availabilityFromClient(in revision: Revision) -> MethodAvailability {
        switch self {
        case .toolsList, .toolsCall, .promptsList, .promptsGet, .resourcesList, .resourcesTemplatesList, .resourcesRead,
            .completionComplete:
            .core
        case .initialize, .ping, .resourcesSubscribe, .resourcesUnsubscribe, .loggingSetLevel, .notificationsInitialized,
            .notificationsProgress, .notificationsRootsListChanged:
            revision.era == .legacy ? .core : .absent
        // On a stream-less channel (stdio) a modern client still cancels by message; over HTTP it closes the response.
        case .notificationsCancelled: .core
        case .serverDiscover, .subscriptionsListen: revision.era == .modern ? .core : .absent
        case .tasksGet, .tasksCancel: revision == .v2025_11_25 ? .core : revision.era == .modern ? .byExtension : .absent
        case .tasksResult, .tasksList, .notificationsTasksStatus: revision == .v2025_11_25 ? .core : .absent
        case .tasksUpdate: revision.era == .modern ? .byExtension : .absent
        case .rootsList, .samplingCreateMessage, .elicitationCreate, .notificationsMessage, .notificationsToolsListChanged,
            .notificationsPromptsListChanged, .notificationsResourcesListChanged, .notificationsResourcesUpdated,
            .notificationsElicitationComplete, .notificationsTasks, .notificationsSubscriptionsAcknowledged, .unknown:
            .absent
        }
    }

    private func availabilityFromServer(in revision: Revision) -> MethodAvailability {
        switch self {
        // In the modern era these three are values inside `inputRequests`, never requests of their own.
        case .ping, .rootsList, .samplingCreateMessage: revision.era == .legacy ? .core : .absent
        case .elicitationCreate: revision.era == .legacy && revision >= .v2025_06_18 ? .core : .absent
        case .tasksGet, .tasksResult, .tasksCancel, .tasksList, .notificationsElicitationComplete, .notificationsTasksStatus:
            revision == .v2025_11_25 ? .core : .absent
        case .notificationsCancelled, .notificationsProgress, .notificationsMessage, .notificationsResourcesUpdated,
            .notificationsResourcesListChanged, .notificationsToolsListChanged, .notificationsPromptsListChanged:
            .core
        case .notificationsSubscriptionsAcknowledged: revision.era == .modern ? .core : .absent
        case .notificationsTasks: revision.era == .modern ? .byExtension : .absent
        case .initialize, .serverDiscover, .toolsList, .toolsCall, .promptsList, .promptsGet, .resourcesList,
            .resourcesTemplatesList, .resourcesRead, .resourcesSubscribe, .resourcesUnsubscribe, .completionComplete,
            .loggingSetLevel, .tasksUpdate, .subscriptionsListen, .notificationsInitialized, .notificationsRootsListChanged,
            .unknown:
            .absent
        }
    }
}
