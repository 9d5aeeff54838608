"""Cohorts: folders of labelled data, and their splits by patient."""
