"""Reactions: how the masses of a flow change in a step."""

from meanfield.flows.reactions.abstract import AbstractReaction as AbstractReaction
from meanfield.flows.reactions.abstract import Reacted as Reacted
from meanfield.flows.reactions.birth_death import BirthDeath as BirthDeath
from meanfield.flows.reactions.growth import Growth as Growth
