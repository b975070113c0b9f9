"""Diagnosis of a trained network: is it lazy, and what would its linearisation have learned?"""
