enum SupervisorEdgePlaceholder {}
